// BlockingDriver: the streams of both sides.
#include <utility>

#include "core/workers/blocking_driver_impl.hpp"
#include "core/workers/wait.hpp"

namespace ipcbridge {

// The peer may have answered before begin(), and resume() finds no origin then. Nothing is lost: whoever makes the
// items asks afterwards what room there is, or learns it with those that it sends, and hears where the stream is over.
std::optional<OpenedStreams> BlockingDriver::Impl::reply(const RequestKey& request, const Payload& payload,
                                                         std::uint32_t streams, const StreamTable::Origin& origin,
                                                         std::span<const std::uint64_t> references) {
  const std::optional<OpenedStreams> opened = driver_->reply(request, payload, sink_of_answer(), streams, references);
  if (opened) streams_.begin(opened->first, streams, origin);
  streams_.drop_arguments(request);
  note_answer(request);
  return opened;
}

void BlockingDriver::Impl::end_stream(const StreamKey& stream, const Error* error, const Payload& details) {
  streams_.finish(stream);
  driver_->end_stream(stream, error, details);
}

// A worker goes on with it.
void BlockingDriver::Impl::resume(const StreamKey& stream) {
  const std::optional<StreamTable::Origin> origin = streams_.origin(stream);
  if (!origin) return;
  if (origin->local != nullptr) {
    streams_.add_due(stream);
    note_due();
    return;
  }
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

void BlockingDriver::Impl::on(const StreamsOpenEvent& event) {
  const auto* place = reinterpret_cast<const AnswerPlace*>(event.token);  // NOLINT(performance-no-int-to-ptr)
  LocalWork* const local = place->local;
  if (local == nullptr) return;
  streams_.begin(event.first, event.count, {0, 0, local});
  local->open(event.first, event.count);
  note_due();
}

// Whoever waits beside such streams looks again.
void BlockingDriver::Impl::note_due() {
  const std::lock_guard lock(mutex_);
  ++observed_;
  token_.recheck_conditions();
}

// The thread does what there is to do whenever there is something, for this wait and those around it. True when what it
// waits for has come; what was asked of it before that is done by then.
bool BlockingDriver::Impl::wait_beside(Wait& self, std::optional<Reading>& reading, const Interrupted& interrupted) {
  const LocalWork::Waiting* const innermost = LocalWork::Waiting::innermost();
  if (innermost == nullptr) return wait(self, reading, interrupted);
  self.done = [innermost] {
    for (const auto* each = innermost; each != nullptr; each = each->outer()) {
      if (each->work().has_due()) return true;
    }
    return false;
  };
  for (;;) {
    if (!wait(self, reading, interrupted)) return false;
    const bool has_ended = self.waiter.is_done();
    for (const auto* each = innermost; each != nullptr; each = each->outer()) {
      if (!do_due(each->work(), has_ended)) return has_ended;
    }
    if (has_ended) return true;
    reading = try_read();
  }
}

// False when it has been interrupted. When the wait has ended, streams may go on while those of the result are read.
bool BlockingDriver::Impl::do_due(LocalWork& work, bool has_ended) {
  LocalWork::Due due = has_ended ? work.take_due_calls() : work.take_due();
  return due.empty() || work.go_on(std::move(due));
}

Result<BlockingDriver::NextItems> BlockingDriver::Impl::next_items(StreamQueue& stream, StreamQueue::Batch& batch,
                                                                   TimePoint deadline, const Interrupted& interrupted,
                                                                   LocalWork* local) {
  for (;;) {
    if (stream.take(batch)) return NextItems::kItems;
    if (stream.has_ended()) return NextItems::kEnd;
    const LocalWork::Waiting beside(local);
    Wait self(/*for_condition=*/LocalWork::Waiting::innermost() != nullptr);
    self.deadline = deadline;
    std::optional<Reading> reading = try_read();
    const Result<bool> waits = stream.wait_with(self.waiter);
    if (!waits.ok()) return waits.error();
    if (!waits.value()) continue;
    const bool satisfied = wait_beside(self, reading, interrupted);
    stream.stop_waiting(self.waiter);
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
