// BlockingDriver: calls that are sent without a thread that waits for them.
#include <new>
#include <utility>

#include "core/workers/blocking_driver_impl.hpp"
#include "core/workers/wait.hpp"

namespace ipcbridge {

// Nobody begins to read for it: whoever did so last has armed the Driver, or is expected to.
Status BlockingDriver::Impl::submit(SubmittedCall& submitted, const OutboundCall& call,
                                    const Interrupted& interrupted) {
  submitted_.begin(submitted, call.client);
  std::optional<Reading> reading;
  try {
    const Result<Submission> sent = send(token_of(submitted), call, reading, interrupted);
    if (sent.ok()) return {};
    submitted_.withdraw(submitted);
    return sent.error();
  } catch (const std::bad_alloc&) {
    submitted_.withdraw(submitted);
    return Error{Code::kResourceExhausted, kOutOfMemory};
  }
}

void BlockingDriver::Impl::keep_answer(SubmittedCall& call, const OutcomeEvent& event) {
  submitted_.put(call, event, streams_);
  if (submitted_.any_waits()) note_due();
}

SubmittedCall* BlockingDriver::Impl::take_answered(bool collects) {
  SubmittedCall::LostStreams lost;
  SubmittedCall* call = submitted_.take(collects, lost);
  if (call == nullptr) return nullptr;
  if (submitted_.any_waits()) note_due();  // somebody may wait for this one
  cancel_lost_streams(lost);
  return call;
}

void BlockingDriver::Impl::cancel_lost_streams(const SubmittedCall::LostStreams& lost) {
  for (std::uint64_t id = lost.streams.first; id < lost.streams.end(); ++id) {
    driver_->cancel_stream({lost.connection, id});
  }
}

bool BlockingDriver::Impl::wait_answered(const SubmittedCall& call, TimePoint deadline,
                                         const Interrupted& interrupted) {
  Wait self(/*for_condition=*/true);
  self.done = [&] { return submitted_.any_answered() || submitted_.is_taken(call); };
  self.deadline = deadline;
  self.is_back_soon = true;
  std::optional<Reading> reading;
  submitted_.note_waiting(true);
  const bool satisfied = wait(self, reading, interrupted);
  submitted_.note_waiting(false);
  return satisfied;
}

bool BlockingDriver::Impl::wait_unattended() {
  for (;;) {
    const SubmittedCalls::Due due = submitted_.wait_unattended();
    if (due != SubmittedCalls::Due::kLook) return due == SubmittedCalls::Due::kTake;
    if (const std::optional<Reading> reading = try_read()) run(true);
  }
}

bool BlockingDriver::Impl::cancel(SubmittedCall& call) {
  if (submitted_.is_taken(call)) return false;
  driver_->cancel(call.client(), token_of(call));
  // The answer may have come before that.
  if (!submitted_.withdraw(call)) return false;
  for (const std::shared_ptr<StreamQueue>& stream : call.result.streams) leave_stream(*stream);
  cancel_lost_streams(call.lost());
  return true;
}

}  // namespace ipcbridge
