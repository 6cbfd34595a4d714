// BlockingDriver: the streams of both sides.
#include <utility>

#include "core/workers/blocking_driver_impl.hpp"
#include "core/workers/wait.hpp"

namespace ipcbridge {

// The whole table is known before the peer can have answered to what it is sent.
std::optional<StreamKey> BlockingDriver::Impl::reply(const RequestKey& request, ConstBytes payload,
                                                     std::uint32_t streams, const StreamTable::Origin& origin) {
  const std::optional<StreamKey> first = driver_->reply(request, payload, sink_of_answer(), streams);
  if (first) streams_.begin(*first, streams, origin);
  note_answer(request);
  return first;
}

void BlockingDriver::Impl::end_stream(const StreamKey& stream, const Error* error, ConstBytes details) {
  streams_.finish(stream);
  driver_->end_stream(stream, error, details);
}

// A worker goes on with it.
void BlockingDriver::Impl::resume(const StreamKey& stream) {
  const std::optional<StreamTable::Origin> origin = streams_.origin(stream);
  if (!origin) return;
  InboundCall call;
  call.key = stream;
  call.server = origin->server;
  call.method = origin->method;
  call.resumes = true;
  const std::lock_guard lock(mutex_);
  pool_.push(std::move(call));
}

void BlockingDriver::Impl::resume_soon(const StreamKey& stream) {
  resume(stream);
  const Scope waking(*this);
}

Result<BlockingDriver::NextItems> BlockingDriver::Impl::next_items(StreamQueue& stream, StreamQueue::Batch& batch,
                                                                   TimePoint deadline,
                                                                   const Interrupted& interrupted) {
  for (;;) {
    if (stream.take(batch)) return NextItems::kItems;
    if (stream.has_ended()) return NextItems::kEnd;
    Wait self;
    self.deadline = deadline;
    std::optional<Reading> reading = try_read();
    const Result<bool> waits = stream.wait_with(self.waiter);
    if (!waits.ok()) return waits.error();
    if (!waits.value()) continue;
    const bool satisfied = wait(self, reading, interrupted);
    stream.stop_waiting();
    if (satisfied) continue;
    return deadline != kNever && system_.now() >= deadline ? NextItems::kTimeout : NextItems::kInterrupted;
  }
}

void BlockingDriver::Impl::leave_stream(StreamQueue& stream) {
  streams_.forget(stream.key());
  stream.close();
  driver_->cancel_stream(stream.key());
}

}  // namespace ipcbridge
