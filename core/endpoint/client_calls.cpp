// Client's calls: sent, queued, answered. client.cpp has the connections that they need.
#include <algorithm>
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

Status Client::call(std::uint64_t token, std::uint32_t method, const CallOptions& options, ConstBytes metadata,
                    ConstBytes payload) {
  if (state_ == ClientState::kClosed) return Error{Code::kFailedPrecondition, "the client is closed"};
  if (method >= names_.size()) return Error{Code::kInvalidArgument, "no such method number"};
  const bool connected = any_usable();
  if (connected) {
    if (Status status = check_offered(method); !status.ok()) return status;
  } else if (!options.wait_for_ready) {
    return Error{Code::kUnavailable, not_sent(method, "there is no connection to " + where())};
  }
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
  Result<bool> sent = connected && queued_calls_ == 0 ? try_send(token, call, metadata, payload) : false;
  if (!sent.ok()) return sent.error();
  if (sent.value()) {
    if (call.idempotent)
      call.saved = std::make_unique<Saved>(Saved{{metadata.begin(), metadata.end()}, {payload.begin(), payload.end()}});
    calls_.insert(token, std::move(call));
  } else {
    if (queued_bytes_ + payload.size() + metadata.size() + kQueuedOverhead > options_.max_queued_bytes) {
      return Error{Code::kResourceExhausted,
                   "the calls that wait to be sent exceed " + std::to_string(options_.max_queued_bytes) + " bytes"};
    }
    enqueue(token, std::move(call), metadata, payload);
    if (state_ == ClientState::kDisconnected) resume({});
  }
  if (deadline != kNever) context_.set_timer({deadline, TimerQueue::Kind::kCall, id_, token});
  return {};
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

void Client::enqueue(std::uint64_t token, Call call, ConstBytes metadata, ConstBytes payload) {
  if (!call.saved) {
    call.saved = std::make_unique<Saved>(Saved{{metadata.begin(), metadata.end()}, {payload.begin(), payload.end()}});
  }
  call.connection = 0;
  call.written = 0;
  ++queued_calls_;
  queued_bytes_ += call.saved->metadata.size() + call.saved->payload.size() + kQueuedOverhead;
  calls_.insert(token, std::move(call));
  queue_.push_back(token);
}

// A call whose connection was lost, and which may be sent over the next.
void Client::enqueue_again(std::uint64_t token, ConstBytes metadata, ConstBytes payload) {
  Call call = std::move(*calls_.find(token));
  calls_.erase(token);
  enqueue(token, std::move(call), metadata, payload);
}

// Takes the call's share out of what is queued.
void Client::forget(std::uint64_t token, const Call& call) {
  if (call.connection == 0) {
    --queued_calls_;
    queued_bytes_ -= call.saved->metadata.size() + call.saved->payload.size() + kQueuedOverhead;
  }
  calls_.erase(token);
  // Those who cancel while nobody is there to send to must not leave a trail.
  constexpr std::size_t kWorthSweeping = 1024;
  if (queue_.size() > kWorthSweeping + 2 * queued_calls_) {
    std::erase_if(queue_, [this](std::uint64_t queued) {
      const Call* waiting = calls_.find(queued);
      return waiting == nullptr || waiting->connection != 0;
    });
  }
}

// To be called when there may be room for the first in the queue, or another is the first. That is one try, in vain or
// not, for each call that is taken out.
void Client::send_queued() {
  while (!queue_.empty()) {
    const std::uint64_t token = queue_.front();
    Call* call = calls_.find(token);
    if (call == nullptr || call->connection != 0) {
      queue_.pop_front();
      continue;
    }
    if (!any_usable()) return;
    if (Status offered = check_offered(call->method); !offered.ok()) {
      queue_.pop_front();
      fail(token, offered.error().code, offered.error().message, false);
      continue;
    }
    const std::uint64_t bytes = call->saved->metadata.size() + call->saved->payload.size() + kQueuedOverhead;
    Result<bool> sent = try_send(token, *call, call->saved->metadata, call->saved->payload);
    if (!sent.ok()) {
      queue_.pop_front();
      fail(token, sent.error().code, sent.error().message, false);
      continue;
    }
    if (!sent.value()) return;
    queue_.pop_front();
    --queued_calls_;
    queued_bytes_ -= bytes;
    if (!call->idempotent) call->saved.reset();
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
  const bool sent = connection->session().cancel(call.id);
  connection->update_interest();
  return sent;
}

void Client::finish(std::uint64_t token, const Outcome& outcome, Buffer* storage) {
  const Call* call = calls_.find(token);
  if (call == nullptr) return;
  const bool notify = call->notify;
  forget(token, *call);
  if (notify) return;
  Event event;
  event.kind = Event::Kind::kOutcome;
  event.owner = id_;
  event.token = token;
  event.outcome = outcome;
  event.storage = storage;
  if (outcome.remote) {
    context_.emit(event);
  } else {
    context_.post(event);
  }
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
  std::deque<std::uint64_t> tokens;
  tokens.swap(queue_);
  for (const std::uint64_t token : tokens) {
    const Call* call = calls_.find(token);
    if (call != nullptr && call->connection == 0) fail(token, code, not_sent(call->method, message), false);
  }
}

std::string Client::not_answered(std::uint32_t method, std::string_view why) const {
  return names_[method] + "() was not answered: " + std::string(why);
}

std::string Client::not_sent(std::uint32_t method, std::string_view why) const {
  return names_[method] + "() could not be sent: " + std::string(why);
}

void Client::on_call_deadline(std::uint64_t token, TimePoint now) {
  const Call* call = calls_.find(token);
  if (call == nullptr || call->deadline > now) return;
  const std::string silence = explain_silence(*call);
  const std::string wait = describe_wait(*call);
  const bool sent = withdraw(*call);
  const std::string what =
      names_[call->method] + (sent ? "() was not answered before its deadline"
                                   : "() could not be sent before its deadline: it waited for " + wait);
  fail(token, Code::kDeadlineExceeded, what + silence, sent);
  send_queued();
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

void Client::on_request(Connection& connection, std::uint64_t id, const Request&, Buffer*) {
  connection.session().reply_error(id, Code::kUnimplemented, true, "callbacks come in a later release", {});
}

void Client::on_outcome(Connection&, std::uint64_t token, const Outcome& outcome, Buffer* storage) {
  Call* call = calls_.find(token);
  const bool lost = outcome.code == Code::kUnavailable && outcome.sent_maybe && !outcome.remote;
  if (call == nullptr || !lost) {
    finish(token, outcome, storage);
  } else if (!call->idempotent || state_ == ClientState::kClosed) {
    fail(token, Code::kUnavailable, not_answered(call->method, outcome.message), true);
  } else if (++call->losses < kMaxLosses) {
    call->sent_before = true;
    enqueue_again(token, {}, {});
  } else {
    fail(token, Code::kUnavailable, not_answered(call->method, lost_too_often(outcome.message)), true);
  }
}

void Client::on_unsent(std::uint64_t token, const Request& request, bool begun, const Error& why) {
  Call* call = calls_.find(token);
  if (call == nullptr) return;
  if (begun) ++call->losses;
  if (call->losses >= kMaxLosses) {
    fail(token, Code::kUnavailable, not_sent(call->method, lost_too_often(why.message)), false);
  } else if (call->wait_for_ready && state_ != ClientState::kClosed) {
    enqueue_again(token, request.metadata, request.payload);
  } else {
    fail(token, Code::kUnavailable, not_sent(call->method, why.message), false);
  }
}

void Client::on_room(Connection& connection) {
  if (queued_calls_ != 0) send_queued();
  // The last answer may have been to a call that nobody waited for.
  if (!leaving_.empty()) leave_if_done(connection);
}

}  // namespace ipcbridge
