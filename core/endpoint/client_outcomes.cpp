// Client: how calls end.
#include <algorithm>
#include <array>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "core/endpoint/client.hpp"

namespace ipcbridge {
namespace {

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

std::string could_not_be_sent(bool sent_before) {
  return sent_before ? " was sent, but its connection was lost, and it could not be sent again" : " could not be sent";
}

std::string seconds(Duration duration) {
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

bool Client::withdraw(const Call& call) {
  Connection* connection = context().connection(call.connection);
  if (connection == nullptr) return false;
  bool sent = true;
  try {
    sent = connection->session().cancel(call.id);
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): the callee is not told, and answers nobody
  }
  connection->flush_output();
  return sent;
}

void Client::finish(std::uint64_t token, const Outcome& outcome, MessageStorage* storage, std::uint64_t connection) {
  Call* call = calls_.find(token);
  if (call == nullptr || call->ended != Code::kOk) return;
  if (call->streams != 0) context().withdraw_outcome(id_, token);  // they do not begin any more
  const bool notify = call->notify;
  if (outcome.remote || notify) {
    forget(token, *call);
    if (!notify) context().emit(OutcomeEvent{id_, token, outcome, storage, connection});
    return;
  }
  if (context().post(OutcomeEvent{id_, token, outcome, nullptr})) {
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

void Client::post_unposted() {
  if (std::exchange(state_unposted_, false)) post_state(nullptr);
  for (;;) {
    std::array<std::uint64_t, 64> tokens{};
    std::size_t count = 0;
    calls_.for_each([&](std::uint64_t token, const Call& call) {
      if (call.ended != Code::kOk && count < tokens.size()) tokens.at(count++) = token;
    });
    for (std::size_t at = 0; at < count; ++at) {
      if (context().sink_room() == 0) return context().note_unposted();
      const Call& call = *calls_.find(tokens.at(at));
      Outcome outcome;
      outcome.code = call.ended;
      outcome.message = kOutOfMemory;
      outcome.sent_maybe = call.sent_before;
      forget(tokens.at(at), call);
      context().emit(OutcomeEvent{id_, tokens.at(at), outcome, nullptr});
    }
    if (count < tokens.size()) break;
  }
  if (state_ == ClientState::kClosed) context().note_end();
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
    if (call != nullptr && call->waits()) fail(token, code, not_sent(*call, message), false);
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
    if (call != nullptr) fail(token, Code::kUnavailable, not_sent(*call, message), false);
  }
}

std::string Client::name_of(const Call& call) const {
  return (call.reference_on != 0 ? *call.reference_method : names_[call.method]) + "()";
}

std::string Client::not_answered(const Call& call, std::string_view why) const {
  return say([&] { return name_of(call) + " was not answered: " + std::string(why); });
}

std::string Client::not_sent(const Call& call, std::string_view why) const {
  return say([&] { return name_of(call) + could_not_be_sent(call.sent_before) + ": " + std::string(why); });
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
    return name_of(call) +
           (sent ? " was not answered before its deadline"
                 : could_not_be_sent(call.sent_before) + " before its deadline: it waited for " + wait) +
           silence;
  });
  fail(token, Code::kDeadlineExceeded, what, sent);
}

std::string Client::explain_silence(const Call& call) {
  const Connection* connection = context().connection(call.reference_on != 0 ? call.reference_on : call.connection);
  if (connection == nullptr) {
    if (call.reference_on != 0) return {};
    const Link* link = pick(call.method, {});  // where the call would go, if there were room
    if (link == nullptr) return {};
    connection = link->connection;
  }
  std::string seen;
  const Channel& channel = connection->channel();
  if (channel.written() - channel.unread() < call.written) seen += "; the service has not read it";
  if (const std::optional<PeerActivity> activity = connection->peer_activity()) {
    seen +=
        "; the longest running handler of the service is " + activity->method + "(), for " + seconds(activity->time);
  }
  return seen;
}

// In a word, what keeps the call from being sent.
std::string Client::describe_wait(const Call& call) const {
  if (call.connection != 0) return "the service, which did not read all of it";
  if (call.reference_on != 0) return "the other side of its connection";
  for (const Link& link : links_) {
    if (!link.usable || link.remote[call.method] == kNotOffered) continue;
    return link.connection->session().describe_wait(kRequestPrefixBytes + call.saved->metadata.size() +
                                                    call.saved->as_payload().size());
  }
  return "a connection to " + where();
}

void Client::on_outcome(Session& session, std::uint64_t token, const Outcome& outcome, MessageStorage* storage) {
  Call* call = calls_.find(token);
  const bool lost = outcome.code == Code::kUnavailable && outcome.sent_maybe && !outcome.remote;
  if (call == nullptr || !lost) {
    finish(token, outcome, storage, session.number());
    return;
  }
  try {
    lose_call(token, *call, outcome);
  } catch (const std::bad_alloc&) {
    finish_out_of_memory(token);
  }
}

void Client::lose_call(std::uint64_t token, Call& call, const Outcome& outcome) {
  if (!call.idempotent || call.reference_on != 0 || state_ == ClientState::kClosed) {
    fail(token, Code::kUnavailable, not_answered(call, outcome.message), true);
  } else if (++call.losses < kMaxLosses) {
    call.sent_before = true;
    enqueue(token, call, {}, {});
  } else {
    fail(token, Code::kUnavailable, not_answered(call, lost_too_often(outcome.message)), true);
  }
}

void Client::on_unsent(Session&, std::uint64_t token, const Request& request, bool begun, const CloseReason& why) {
  Call* call = calls_.find(token);
  if (call == nullptr) return;
  try {
    lose_unsent(token, *call, request, begun, why);
  } catch (const std::bad_alloc&) {
    finish_out_of_memory(token);
  }
}

void Client::lose_unsent(std::uint64_t token, Call& call, const Request& request, bool begun, const CloseReason& why) {
  if (begun) ++call.losses;
  if (call.losses >= kMaxLosses) {
    fail(token, Code::kUnavailable, not_sent(call, lost_too_often(why.message())), false);
  } else if (call.wait_for_ready && call.reference_on == 0 && state_ != ClientState::kClosed) {
    enqueue(token, call, request.metadata, {request.payload, request.attachments});
  } else {
    fail(token, Code::kUnavailable, not_sent(call, why.message()), false);
  }
}

}  // namespace ipcbridge
