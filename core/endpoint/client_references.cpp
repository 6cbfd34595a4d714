// Client: what the other side calls, and calls of references, which belong to a connection.
#include <algorithm>
#include <new>
#include <string_view>
#include <vector>

#include "core/endpoint/client.hpp"
#include "core/endpoint/server.hpp"

namespace ipcbridge {

Client::Client(Context& context, ClientId id, Connection& accepted)
    : ConnectionOwner(context),
      id_(id),
      state_(ClientState::kReady),
      is_of_accepted_(true),
      admission_(context.known_ids(), {}),
      methods_(accepted.peer_hello().methods),
      connections_(1) {
  Link& link = links_.emplace_back();
  link.connection = &accepted;
  link.usable = link.found = true;
  link.address.text = describe(accepted.channel().peer());
  accepted.caller = this;
}

void Client::on_request(Session& session, std::uint64_t id, const Request& request, MessageStorage* storage) {
  if (request.to_reference) {
    take_reference_call(session, id, request, storage);
  } else if (callee_ == nullptr) {
    session.reply_error(id, Code::kUnimplemented, true,
                        "the client offers nothing to call: it has connected without serving anything", {});
  } else {
    callee_->on_request(session, id, request, storage);
  }
}

void Client::on_cancel(Session& session, std::uint64_t id) {
  if (session.calls_reference(id)) {
    cancel_reference_call(session, id);
  } else if (callee_ != nullptr) {
    callee_->on_cancel(session, id);
  }
}

void Client::on_answered(const RequestKey& request) {
  if (callee_ != nullptr) callee_->on_answered(request);
  // The last answer may be what a connection waited for that is to end.
  if (leaving_.empty()) return;
  if (Connection* connection = context().connection(request.connection)) leave_if_done(*connection);
}

bool Client::passes(std::uint64_t reference) {
  bool found = false;
  calls_.for_each([&](std::uint64_t, const Call& call) {
    const auto passed = call.passed();
    found = found || std::find(passed.begin(), passed.end(), reference) != passed.end();
  });
  return found;
}

void Client::tell_released(const Call& call) {
  for (const std::uint64_t id : call.passed()) {
    if (!References::is_retained(id) || context().shares_reference(id)) continue;
    context().post(ReferenceReleasedEvent{id});
  }
}

void Client::begin_reference_call(Call& call, ConstBytes payload) {
  Connection* connection = context().connection(call.reference_on);
  const auto reference = payload.size() < sizeof(std::uint64_t) ? 0 : load<std::uint64_t>(payload.data());
  if (connection == nullptr || !References::is_retained(reference)) return;
  call.reference = reference;
  connection->reference_holds.begin(reference);
}

void Client::end_reference_call(std::uint64_t connection, std::uint64_t reference) {
  Connection* found = context().connection(connection);
  if (found == nullptr || found->closed() || !found->is_open()) return;
  const std::uint64_t times = found->reference_holds.end(reference);
  if (times == 0) return;
  try {
    found->session().release(reference, times);
  } catch (const std::bad_alloc&) {
    return;  // it stays its owner's until the connection ends
  }
  found->flush_output();
}

void Client::fail_reference_calls(std::uint64_t connection, std::string_view why) {
  std::vector<std::uint64_t> tokens;
  for (const std::uint64_t token : queue_) {
    const Call* call = calls_.find(token);
    if (call != nullptr && call->waits() && call->reference_on == connection) tokens.push_back(token);
  }
  for (const std::uint64_t token : tokens) {
    const Call* call = calls_.find(token);
    if (call != nullptr) fail(token, Code::kUnavailable, not_sent(*call, why), false);
  }
}

}  // namespace ipcbridge
