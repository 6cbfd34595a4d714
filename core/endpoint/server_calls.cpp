// The calls of a server: when they begin, and how those end that had to wait.
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "core/base/frame.hpp"
#include "core/endpoint/server.hpp"

namespace ipcbridge {
namespace {

std::string why_never(const std::string& method, std::uint32_t threads) {
  const std::string all = threads == 1 ? "the only thread" : "all " + std::to_string(threads) + " threads";
  return method + "() would never begin: " + all +
         " of its service run handlers that wait for this very call, because " +
         "services call each other: look for a recursion without end, or serve with more threads (threads=)";
}

}  // namespace

ThreadPoolId Server::use_threads(std::uint32_t count, std::vector<bool> methods) {
  threads_ = {make_thread_pool_id(), count, std::move(methods)};
  return threads_.pool;
}

// A call that is held up by all threads that could run it. Where promises and tasks wait, too, one of them may have
// made a call for which it does not wait, so that the only thread comes free; several threads are a recursion all the
// same.
bool Server::waits_for_itself(const Request& request) const {
  if (request.metadata.empty() || threads_.count == 0) return false;
  if (request.method >= threads_.methods.size() || !threads_.methods[request.method]) return false;
  const HeldThreads held(request.metadata);
  return held.count(threads_.pool) >= threads_.count && (threads_.count > 1 || held.are_all());
}

void Server::on_request(Session& session, std::uint64_t id, const Request& request, MessageStorage* storage) {
  if (request.to_reference) {
    take_reference_call(session, id, request, storage);
    return;
  }
  if (options_.attached && state_ != ServerState::kListening) {
    session.reply_error(id, Code::kUnavailable, true, CloseReason::goodbye().message(), {});
    return;
  }
  if (request.method >= options_.methods.size()) {
    session.reply_error(id, Code::kUnimplemented, true,
                        "the service has no method number " + std::to_string(request.method), {});
    return;
  }
  if (waits_for_itself(request)) {
    session.reply_error(id, Code::kResourceExhausted, true, why_never(options_.methods[request.method], threads_.count),
                        {});
    return;
  }
  const RequestKey key{session.number(), id};
  if (!serial_.is_serial(request.method)) {
    emit(key, request, storage);
    return;
  }
  if (!serial_.add(key, request, storage)) return;
  try {
    emit(key, request, storage);
  } catch (const std::bad_alloc&) {
    serial_.finish(key);  // the session answers it
    throw;
  }
}

void Server::emit(const RequestKey& key, const Request& request, MessageStorage* storage) {
  const TimePoint received = request.timeout_us != 0 ? context().now() : TimePoint{};
  context().emit(InboundCallEvent{id_, key, request, storage, received});
}

void Server::on_answered(const RequestKey& request) {
  serial_.finish(request);
  if (serial_.has_due()) context().note_due_calls();
}

bool Server::begin_due_calls() {
  while (serial_.has_due()) {
    if (context().sink_room() == 0) return false;
    if (std::optional<SerialOrder::Begun> call = serial_.begin_due()) begin(*std::move(call));
  }
  return true;
}

void Server::begin(SerialOrder::Begun call) {
  if (call.expired) {
    refuse(call.key, {Code::kDeadlineExceeded, "the deadline passed while the call waited for those before it"});
    return;
  }
  // A long message keeps its own storage.
  const bool is_long = call.storage.body.size() > kMaxFrameBody || !call.storage.attachments.empty();
  MessageStorage* const storage = is_long ? &call.storage : nullptr;
  try {
    emit(call.key, call.request, storage);
  } catch (const std::bad_alloc&) {
    refuse(call.key, {Code::kResourceExhausted, kOutOfMemory});
  }
}

// Answers a call whose handler is not told of it, if there is anybody to answer.
void Server::refuse(const RequestKey& request, const Error& why) {
  serial_.finish(request);
  if (!is_connected(request)) {
    forget_orphan(request);
    return;
  }
  context().connection(request.connection)->answer(request.id, [&](Session& session) {
    session.reply_error(request.id, why.code, true, why.message, {});
  });
}

bool Server::is_connected(const RequestKey& request) const {
  const Connection* connection = context().connection(request.connection);
  return connection != nullptr && !connection->closed();
}

// One that waits for its turn no handler knows of.
void Server::on_cancel(Session& session, std::uint64_t id) {
  if (session.calls_reference(id)) {
    cancel_reference_call(session, id);
    return;
  }
  const RequestKey key{session.number(), id};
  if (!serial_.drop(key)) {
    tell_cancelled(key);
  } else if (is_connected(key)) {
    session.reply_error(id, Code::kCancelled, true, "the call was cancelled before it began", {});
  }
}

void Server::tell_cancelled(const RequestKey& request) { context().post(CancelEvent{id_, request}); }

bool Server::keeps_notification(Session& session, std::uint64_t id, std::uint64_t bytes) {
  try {
    if (state_ == ServerState::kClosed || !orphans_.adopt({session.number(), id}, bytes)) return false;
    leaves_orphans_ = true;
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// Where there is no memory for it they keep the place in the round that their connection had.
void Server::leave_orphans(std::uint64_t connection) {
  context().post(OrphansEvent{id_, connection});
  try {
    serial_.end_connection(connection);
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch)
  }
}

}  // namespace ipcbridge
