// Client's calls: sent, queued, answered. client.cpp has the connections that they need.
#include <algorithm>
#include <array>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "core/endpoint/client.hpp"
#include "core/naming/near_matches.hpp"

namespace ipcbridge {
namespace {

// What a queued call costs besides its bytes, so that empty calls do not queue without bound either.
constexpr std::uint64_t kQueuedOverhead = 128;

// A call that was on its way on so many connections when they ended is what ended them, as far as one can tell.
constexpr std::uint8_t kMaxLosses = 5;

std::string lost_too_often(std::string_view why) {
  return std::to_string(kMaxLosses) + " connections were lost while it was on its way: " + std::string(why);
}

// The call ends, with or without memory for all that is to be said.
template <typename F>
std::string say(F sentence) {
  try {
    return sentence();
  } catch (const std::bad_alloc&) {
    return kOutOfMemory;
  }
}

std::string seconds(Duration duration) {
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

Status Client::check_offered(std::uint32_t method) const {
  const bool offered = std::any_of(links_.begin(), links_.end(),
                                   [&](const Link& link) { return link.usable && link.remote[method] != kNotOffered; });
  if (offered) return {};
  return not_offered(names_[method]);
}

Error Client::not_offered(std::string_view name) const {
  return {Code::kUnimplemented, "the service has no method '" + std::string(name) + "'" + did_you_mean(name, methods_)};
}

Result<Submission> Client::call(std::uint64_t token, std::uint32_t method, const CallOptions& options,
                                ConstBytes metadata, ConstBytes payload) {
  if (state_ == ClientState::kClosed) return Error{Code::kFailedPrecondition, "the client is closed"};
  if (method >= names_.size()) return Error{Code::kInvalidArgument, "no such method number"};
  const bool connected = any_usable();
  if (connected) {
    if (Status status = check_offered(method); !status.ok()) return status.error();
  } else if (!options.wait_for_ready && options.notify) {
    ++dropped_notifications_;
    return Submission::kNotTaken;
  } else if (!options.wait_for_ready) {
    return Error{Code::kUnavailable, not_sent(method, "there is no connection to " + where())};
  }
  calls_.reserve_one();
  if (options.timeout) context_.reserve_timer();
  Call call;
  call.method = method;
  call.notify = options.notify;
  call.idempotent = options.idempotent;
  call.wait_for_ready = options.wait_for_ready;
  if (options.timeout) {
    if (*options.timeout <= Duration::zero()) return Error{Code::kDeadlineExceeded, "the timeout is zero"};
    call.deadline = deadline_after(Clock::now(), *options.timeout);
  }
  if (options.notify) token = next_notification_++;
  const TimePoint deadline = call.deadline;
  if (call.idempotent) save(call, metadata, payload);
  Result<bool> sent = connected && queued_calls_ == 0 ? try_send(token, call, metadata, payload) : false;
  if (!sent.ok()) return sent.error();
  if (!sent.value()) {
    Result<Submission> admitted = admit(payload.size() + metadata.size() + kQueuedOverhead, call.notify);
    if (!admitted.ok() || admitted.value() == Submission::kNotTaken) return admitted;
    enqueue(token, call, metadata, payload);
  }
  calls_.insert(token, std::move(call));
  if (deadline != kNever) context_.set_timer({deadline, TimerQueue::Kind::kCall, id_, token});
  if (!sent.value() && state_ == ClientState::kDisconnected) resume_for(token);
  return Submission::kTaken;
}

void Client::resume_for(std::uint64_t token) {
  try {
    resume({});
  } catch (const std::bad_alloc&) {
    forget(token, *calls_.find(token));
    throw;
  }
}

Result<Submission> Client::admit(std::uint64_t bytes, bool notify) {
  if (bytes > options_.max_queued_bytes) {
    return Error{Code::kResourceExhausted, "the call would have to wait, and is larger than all that may: " +
                                               std::to_string(options_.max_queued_bytes) + " bytes"};
  }
  if (queued_bytes_ + bytes <= options_.max_queued_bytes) return Submission::kTaken;
  if (notify) {
    ++dropped_notifications_;
  } else {
    wanted_room_ = wanted_room_ == 0 ? bytes : std::min(wanted_room_, bytes);
  }
  return Submission::kNotTaken;
}

// One service that does not read, or is full, does not keep a call from the others.
Result<bool> Client::try_send(std::uint64_t token, Call& call, ConstBytes metadata, ConstBytes payload) {
  std::vector<const Link*> full;
  while (Link* link = pick(call.method, full)) {
    Result<bool> sent = try_send_over(*link, token, call, metadata, payload);
    if (!sent.ok() || sent.value()) return sent;
    full.push_back(link);
  }
  return false;
}

Result<bool> Client::try_send_over(Link& link, std::uint64_t token, Call& call, ConstBytes metadata,
                                   ConstBytes payload) {
  Request request;
  request.method = link.remote[call.method];
  request.notify = call.notify;
  request.metadata = metadata;
  request.payload = payload;
  if (call.deadline != kNever) {
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(call.deadline - Clock::now()).count();
    request.timeout_us = static_cast<std::uint64_t>(std::max<std::int64_t>(1, left));
  }
  Result<std::uint64_t> id = link.connection->session().call(token, request);
  if (!id.ok()) return id.error();
  if (id.value() == 0) {
    link.connection->update_interest();  // the channel may want room now
    return false;
  }
  call.connection = link.connection->id();
  call.id = id.value();
  if (call.deadline != kNever) call.written = link.connection->channel().written();
  context_.awake().add(*link.connection);
  link.connection->update_interest();
  return true;
}

std::uint64_t Client::Call::queued_bytes() const {
  return saved->metadata.size() + saved->payload.size() + kQueuedOverhead;
}

void Client::save(Call& call, ConstBytes metadata, ConstBytes payload) {
  if (call.saved) return;
  call.saved = std::make_unique<Saved>(Saved{{metadata.begin(), metadata.end()}, {payload.begin(), payload.end()}});
}

// A new call, or one whose connection was lost and which may be sent over the next. When there is no memory for that
// the call is as it was.
void Client::enqueue(std::uint64_t token, Call& call, ConstBytes metadata, ConstBytes payload) {
  save(call, metadata, payload);
  queue_.push_back(token);
  call.connection = 0;
  call.written = 0;
  ++queued_calls_;
  queued_bytes_ += call.queued_bytes();
}

// Takes the call's share out of what is queued.
void Client::forget(std::uint64_t token, const Call& call) {
  if (call.waits()) unqueue(call.queued_bytes());
  calls_.erase(token);
  // Those who cancel while nobody is there to send to must not leave a trail.
  constexpr std::size_t kWorthSweeping = 1024;
  if (queue_.size() > kWorthSweeping + 2 * queued_calls_) {
    std::erase_if(queue_, [this](std::uint64_t queued) {
      const Call* waiting = calls_.find(queued);
      return waiting == nullptr || !waiting->waits();
    });
  }
}

void Client::unqueue(std::uint64_t bytes) {
  --queued_calls_;
  queued_bytes_ -= bytes;
  if (wanted_room_ == 0 || queued_bytes_ + wanted_room_ > options_.max_queued_bytes) return;
  if (context_.post(RoomEvent{id_})) wanted_room_ = 0;
}

// To be called when there may be room for the first in the queue, or another is the first. That is one try, in vain or
// not, for each call that is taken out.
void Client::send_queued() {
  while (!queue_.empty()) {
    const std::uint64_t token = queue_.front();
    Call* call = calls_.find(token);
    if (call == nullptr || !call->waits()) {
      queue_.pop_front();
      continue;
    }
    if (!any_usable()) return;
    if (Status offered = check_offered(call->method); !offered.ok()) {
      queue_.pop_front();
      fail(token, offered.error().code, offered.error().message, false);
      continue;
    }
    const std::uint64_t bytes = call->queued_bytes();
    Result<bool> sent = send_saved(token, *call);
    if (!sent.ok()) {
      queue_.pop_front();
      fail(token, sent.error().code, sent.error().message, false);
      continue;
    }
    if (!sent.value()) return;
    queue_.pop_front();
    unqueue(bytes);
    if (!call->idempotent) call->saved.reset();
  }
}

Result<bool> Client::send_saved(std::uint64_t token, Call& call) {
  try {
    return try_send(token, call, call.saved->metadata, call.saved->payload);
  } catch (const std::bad_alloc&) {
    return Error{Code::kResourceExhausted, kOutOfMemory};
  }
}

void Client::cancel(std::uint64_t token) {
  const Call* call = calls_.find(token);
  if (call == nullptr) return;
  withdraw(*call);
  forget(token, *call);
  send_queued();
}

bool Client::withdraw(const Call& call) {
  Connection* connection = context_.connection(call.connection);
  if (connection == nullptr) return false;
  bool sent = true;
  try {
    sent = connection->session().cancel(call.id);
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): the callee is not told, and answers nobody
  }
  connection->update_interest();
  return sent;
}

void Client::finish(std::uint64_t token, const Outcome& outcome, Buffer* storage) {
  Call* call = calls_.find(token);
  if (call == nullptr || call->ended != Code::kOk) return;
  const bool notify = call->notify;
  if (outcome.remote || notify) {
    forget(token, *call);
    if (!notify) context_.emit(OutcomeEvent{id_, token, outcome, storage});
    return;
  }
  if (context_.post(OutcomeEvent{id_, token, outcome, nullptr})) {
    forget(token, *call);
    return;
  }
  if (call->waits()) unqueue(call->queued_bytes());
  call->saved.reset();
  call->ended = outcome.code;
  call->sent_before = outcome.sent_maybe;
}

void Client::finish_out_of_memory(std::uint64_t token) {
  const Call* call = calls_.find(token);
  if (call == nullptr) return;
  Outcome outcome;
  outcome.code = Code::kResourceExhausted;
  outcome.message = kOutOfMemory;
  outcome.sent_maybe = call->sent_before;
  finish(token, outcome, nullptr);
}

void Client::tell_untold() {
  if (std::exchange(state_untold_, false)) post_state(nullptr);
  for (;;) {
    std::array<std::uint64_t, 64> tokens{};
    std::size_t count = 0;
    calls_.for_each([&](std::uint64_t token, const Call& call) {
      if (call.ended != Code::kOk && count < tokens.size()) tokens.at(count++) = token;
    });
    for (std::size_t at = 0; at < count; ++at) {
      if (context_.sink_room() == 0) return context_.note_untold();
      const Call& call = *calls_.find(tokens.at(at));
      Outcome outcome;
      outcome.code = call.ended;
      outcome.message = kOutOfMemory;
      outcome.sent_maybe = call.sent_before;
      forget(tokens.at(at), call);
      context_.emit(OutcomeEvent{id_, tokens.at(at), outcome, nullptr});
    }
    if (count < tokens.size()) break;
  }
  if (state_ == ClientState::kClosed) context_.note_end();
}

void Client::fail(std::uint64_t token, Code code, std::string_view message, bool sent_maybe) {
  const Call* call = calls_.find(token);
  Outcome outcome;
  outcome.code = code;
  outcome.message = message;
  outcome.sent_maybe = sent_maybe || (call != nullptr && call->sent_before);
  finish(token, outcome, nullptr);
}

void Client::fail_queued(Code code, std::string_view message) {
  while (!queue_.empty()) {
    const std::uint64_t token = queue_.front();
    queue_.pop_front();
    const Call* call = calls_.find(token);
    if (call != nullptr && call->waits()) fail(token, code, not_sent(call->method, message), false);
  }
}

// Without a connection there is no telling when they could be sent.
void Client::fail_impatient(std::string_view message) {
  std::vector<std::uint64_t> tokens;
  for (const std::uint64_t token : queue_) {
    const Call* call = calls_.find(token);
    if (call != nullptr && call->waits() && !call->wait_for_ready) tokens.push_back(token);
  }
  for (const std::uint64_t token : tokens) {
    const Call* call = calls_.find(token);
    if (call != nullptr) fail(token, Code::kUnavailable, not_sent(call->method, message), false);
  }
}

std::string Client::not_answered(std::uint32_t method, std::string_view why) const {
  return say([&] { return names_[method] + "() was not answered: " + std::string(why); });
}

std::string Client::not_sent(std::uint32_t method, std::string_view why) const {
  return say([&] { return names_[method] + "() could not be sent: " + std::string(why); });
}

void Client::on_call_deadline(std::uint64_t token, TimePoint now) {
  const Call* call = calls_.find(token);
  if (call == nullptr || call->ended != Code::kOk || call->deadline > now) return;
  expire(token, *call);
  send_queued();
}

void Client::expire(std::uint64_t token, const Call& call) {
  const std::string silence = say([&] { return explain_silence(call); });
  const std::string wait = say([&] { return describe_wait(call); });
  const bool sent = withdraw(call);
  const std::string what = say([&] {
    return names_[call.method] +
           (sent ? "() was not answered before its deadline"
                 : "() could not be sent before its deadline: it waited for " + wait) +
           silence;
  });
  fail(token, Code::kDeadlineExceeded, what, sent);
}

std::string Client::explain_silence(const Call& call) {
  const Connection* connection = context_.connection(call.connection);
  if (connection == nullptr) {
    const Link* link = pick(call.method, {});  // where the call would go, if there were room
    if (link == nullptr) return {};
    connection = link->connection;
  }
  std::string seen;
  const Channel& channel = connection->channel();
  if (channel.written() - channel.unread() < call.written) seen += "; the service has not read it";
  if (const std::optional<PeerActivity> activity = connection->peer_activity()) {
    seen += "; the service has been busy in " + activity->method + "() for " + seconds(activity->time);
  }
  return seen;
}

// In a word, what keeps the call from being sent.
std::string Client::describe_wait(const Call& call) const {
  if (call.connection != 0) return "the service, which did not read all of it";
  for (const Link& link : links_) {
    if (!link.usable || link.remote[call.method] == kNotOffered) continue;
    return link.connection->session().describe_wait(kRequestPrefixBytes + call.saved->metadata.size() +
                                                    call.saved->payload.size());
  }
  return "a connection to " + where();
}

void Client::on_request(Session& session, std::uint64_t id, const Request&, Buffer*) {
  session.reply_error(id, Code::kUnimplemented, true, "callbacks come in a later release", {});
}

void Client::on_outcome(Session&, std::uint64_t token, const Outcome& outcome, Buffer* storage) {
  Call* call = calls_.find(token);
  const bool lost = outcome.code == Code::kUnavailable && outcome.sent_maybe && !outcome.remote;
  if (call == nullptr || !lost) {
    finish(token, outcome, storage);
    return;
  }
  try {
    lose_call(token, *call, outcome);
  } catch (const std::bad_alloc&) {
    finish_out_of_memory(token);
  }
}

void Client::lose_call(std::uint64_t token, Call& call, const Outcome& outcome) {
  if (!call.idempotent || state_ == ClientState::kClosed) {
    fail(token, Code::kUnavailable, not_answered(call.method, outcome.message), true);
  } else if (++call.losses < kMaxLosses) {
    call.sent_before = true;
    enqueue(token, call, {}, {});
  } else {
    fail(token, Code::kUnavailable, not_answered(call.method, lost_too_often(outcome.message)), true);
  }
}

void Client::on_unsent(Session&, std::uint64_t token, const Request& request, bool begun, const Error& why) {
  Call* call = calls_.find(token);
  if (call == nullptr) return;
  try {
    lose_unsent(token, *call, request, begun, why);
  } catch (const std::bad_alloc&) {
    finish_out_of_memory(token);
  }
}

void Client::lose_unsent(std::uint64_t token, Call& call, const Request& request, bool begun, const Error& why) {
  if (begun) ++call.losses;
  if (call.losses >= kMaxLosses) {
    fail(token, Code::kUnavailable, not_sent(call.method, lost_too_often(why.message)), false);
  } else if (call.wait_for_ready && state_ != ClientState::kClosed) {
    enqueue(token, call, request.metadata, request.payload);
  } else {
    fail(token, Code::kUnavailable, not_sent(call.method, why.message), false);
  }
}

void Client::on_room(Connection& connection) {
  if (queued_calls_ != 0) send_queued();
  // The last answer may have been to a call that nobody waited for.
  if (!leaving_.empty()) leave_if_done(connection);
}

}  // namespace ipcbridge
