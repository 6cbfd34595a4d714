// Client: how calls are sent, or wait for that.
#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "core/endpoint/client.hpp"

namespace ipcbridge {
namespace {

// What a queued call costs besides its bytes, so that empty calls do not queue without bound either.
constexpr std::uint64_t kQueuedOverhead = 128;

Error reference_gone(const CallOptions& options) {
  return {Code::kUnavailable, std::string(options.reference_method) +
                                  "() could not be sent: the reference is gone with the connection that it came over"};
}

}  // namespace

Error Client::over(const CallOptions& options) {
  return options.reference_on != 0 ? reference_gone(options) : Error{Code::kFailedPrecondition, "the client is closed"};
}

Result<Submission> Client::call(std::uint64_t token, std::uint32_t method, const CallOptions& options,
                                ConstBytes metadata, const Payload& payload) {
  if (state_ == ClientState::kClosed) return over(options);
  const bool connected = has_way(options.reference_on);
  if (Status status = check_call(method, options, connected); !status.ok()) return status.error();
  // It does not wait for a connection, but those after it may have one.
  if (!connected && !options.wait_for_ready && state_ == ClientState::kDisconnected) resume({});
  if (!connected && !options.wait_for_ready && options.notify) {
    ++dropped_notifications_;
    return Submission::kNotTaken;
  }
  calls_.reserve_one();
  if (options.reference_on != 0) context().connection(options.reference_on)->reference_holds.reserve_one();
  if (options.timeout) context().reserve_timer();
  Call call;
  call.method = method;
  call.notify = options.notify;
  call.idempotent = options.idempotent;
  call.wait_for_ready = options.wait_for_ready;
  call.streams = options.streams;
  call.reference_on = options.reference_on;
  if (options.reference_on != 0) {
    call.reference_method = std::make_unique<const std::string>(options.reference_method);
  }
  if (!options.references.empty()) {
    call.references =
        std::make_unique<const std::vector<std::uint64_t>>(options.references.begin(), options.references.end());
  }
  if (!connected && !options.wait_for_ready) {
    return Error{Code::kUnavailable, not_sent(call, "there is no connection to " + where())};
  }
  if (options.timeout) {
    if (*options.timeout <= Duration::zero())
      return Error{Code::kDeadlineExceeded, not_sent(call, "the timeout is zero")};
    call.deadline = deadline_after(context().now(), *options.timeout);
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
  if (call.reference_on != 0) begin_reference_call(call, payload.bytes);
  calls_.insert(token, std::move(call));
  if (deadline != kNever) context().set_timer({deadline, TimerQueue::Kind::kCall, id_, token});
  if (!sent.value() && state_ == ClientState::kDisconnected) resume_for(token);
  return Submission::kTaken;
}

Status Client::check_call(std::uint32_t method, const CallOptions& options, bool has_way) const {
  if (options.streams != 0 && (options.notify || options.idempotent)) {
    return Error{Code::kInvalidArgument, "streams can be sent once: neither by notify() nor by an idempotent call"};
  }
  if (options.reference_on != 0) {
    if (has_way) return {};
    return reference_gone(options);
  }
  if (method >= names_.size()) return Error{Code::kInvalidArgument, "no such method number"};
  return has_way ? check_offered(method) : Status();
}

bool Client::has_way(std::uint64_t reference_on) const {
  if (reference_on == 0) return any_usable();
  const Connection* connection = context().connection(reference_on);
  return connection != nullptr && !connection->closed() && connection->is_open() && connection->caller == this;
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
Result<bool> Client::try_send(std::uint64_t token, Call& call, ConstBytes metadata, const Payload& payload) {
  if (call.reference_on != 0) {
    Connection& connection = *context().connection(call.reference_on);
    return try_send_over(connection, call.method, token, call, metadata, payload);
  }
  std::vector<const Link*> full;
  while (Link* link = pick(call.method, full)) {
    Result<bool> sent = try_send_over(*link->connection, link->remote[call.method], token, call, metadata, payload);
    if (!sent.ok() || sent.value()) return sent;
    full.push_back(link);
  }
  return false;
}

Result<bool> Client::try_send_over(Connection& connection, std::uint32_t method, std::uint64_t token, Call& call,
                                   ConstBytes metadata, const Payload& payload) {
  Request request;
  request.method = method;
  request.to_reference = call.reference_on != 0;
  request.references = call.passed();
  request.notify = call.notify;
  request.streams.count = call.streams;
  request.metadata = metadata;
  request.payload = payload.bytes;
  request.attachments = payload.attachments;
  if (call.deadline != kNever) {
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(call.deadline - context().now()).count();
    request.timeout_us = static_cast<std::uint64_t>(std::max<std::int64_t>(1, left));
  }
  Result<std::uint64_t> id = connection.session().call(token, request);
  if (!id.ok()) return id.error();
  if (id.value() == 0) {
    connection.flush_output();  // the channel may want room now
    return false;
  }
  call.connection = connection.id();
  call.id = id.value();
  if (call.deadline != kNever) call.written = connection.channel().written();
  context().awake().add(connection);
  connection.flush_output();
  return true;
}

std::uint64_t Client::Call::queued_bytes() const {
  return saved->metadata.size() + saved->as_payload().size() + kQueuedOverhead;
}

void Client::save(Call& call, ConstBytes metadata, const Payload& payload) {
  if (call.saved) return;
  call.saved = std::make_unique<Saved>(Saved{{metadata.begin(), metadata.end()},
                                             {payload.bytes.begin(), payload.bytes.end()},
                                             {payload.attachments.begin(), payload.attachments.end()}});
}

// A new call, or one whose connection was lost and which may be sent over the next. When there is no memory for that
// the call is as it was.
void Client::enqueue(std::uint64_t token, Call& call, ConstBytes metadata, const Payload& payload) {
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
  if (call.references != nullptr) tell_released(call);
  const auto [connection, reference] = std::pair(call.reference_on, call.reference);
  calls_.erase(token);
  if (reference != 0) end_reference_call(connection, reference);
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
  if (context().post(RoomEvent{id_})) wanted_room_ = 0;
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
    if (!has_way(call->reference_on)) {
      if (call->reference_on == 0) return;
      queue_.pop_front();
      fail(token, Code::kUnavailable, not_sent(*call, "its connection has ended"), false);
      continue;
    }
    if (Status offered = call->reference_on == 0 ? check_offered(call->method) : Status(); !offered.ok()) {
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
    return try_send(token, call, call.saved->metadata, call.saved->as_payload());
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

// Where there is no memory to tell, they never begin, and the call's end ends them.
void Client::on_streams_open(Session& session, std::uint64_t token, const StreamRange& streams) {
  context().post(StreamsOpenEvent{id_, token, {session.number(), streams.first}, streams.count});
}

void Client::on_room(Connection& connection) {
  if (queued_calls_ != 0) send_queued();
  // The last answer may have been to a call that nobody waited for.
  if (!leaving_.empty()) leave_if_done(connection);
}

}  // namespace ipcbridge
