// BlockingDriver: threads that wait for an answer or a condition.
#include <algorithm>
#include <new>
#include <utility>

#include "core/base/poll.hpp"
#include "core/workers/blocking_driver_impl.hpp"
#include "core/workers/wait.hpp"

namespace ipcbridge {
namespace {

// What it costs to be woken.
constexpr Duration kFirstItemsWait = std::chrono::microseconds(50);

}  // namespace

void BlockingDriver::Impl::on(const OutcomeEvent& event) {
  auto* place = reinterpret_cast<AnswerPlace*>(event.token);  // NOLINT(performance-no-int-to-ptr)
  if (place->is_submitted()) {
    keep_answer(static_cast<SubmittedCall&>(*place), event);
    return;
  }
  auto& wait = static_cast<Wait&>(*place);
  try {
    wait.result->take(event);
    if (event.outcome.streams.count != 0) {
      wait.result->streams = streams_.open(event.connection, event.outcome.streams);
    }
  } catch (const std::bad_alloc&) {
    *wait.result = CallResult::failed({Code::kResourceExhausted, kOutOfMemory});
    wait.lost = {event.connection, event.outcome.streams};
  }
  wait.waiter.finish();
}

CallResult BlockingDriver::Impl::call(const OutboundCall& call, const Interrupted& interrupted) {
  CallResult result;  // where it stays: it is large
  try {
    const Status status = call_or_throw(call, interrupted, result);
    if (!status.ok()) result = CallResult::failed(status.error());
  } catch (const std::bad_alloc&) {
    result = CallResult::failed({Code::kResourceExhausted, kOutOfMemory});
  }
  return result;
}

// Whatever ends it early, no outcome arrives at the caller's stack afterwards.
class BlockingDriver::Impl::Pending {
 public:
  Pending(Impl& impl, ClientId client, std::uint64_t token) : impl_(impl), client_(client), token_(token) {}
  ~Pending() {
    if (!is_pending_) return;
    try {
      impl_.driver_->cancel(client_, token_);
    } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): of other calls; this one is forgotten
    }
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  void complete() { is_pending_ = false; }
  void cancel() {
    complete();
    impl_.driver_->cancel(client_, token_);
  }

 private:
  Impl& impl_;
  ClientId client_;
  std::uint64_t token_;
  bool is_pending_ = true;
};

// An error: it has not been sent, or nobody waits for the answer.
Status BlockingDriver::Impl::call_or_throw(const OutboundCall& call, const Interrupted& interrupted,
                                           CallResult& result) {
  const LocalWork::Waiting beside(call.local);
  Wait self(/*for_condition=*/LocalWork::Waiting::innermost() != nullptr);
  self.local = call.local;
  self.result = &result;
  const std::uint64_t token = token_of(self);
  // Before the call is sent: this thread looks for the answer, so nobody need be woken to.
  std::optional<Reading> reading = try_read();
  const Result<Submission> sent = send(token, call, reading, interrupted);
  if (!sent.ok()) return sent.error();
  if (call.options.notify) {
    result.dropped = sent.value() == Submission::kNotTaken;
    return {};
  }
  Pending pending(*this, call.client, token);
  const bool has_ended = wait_beside(self, reading, interrupted);
  if (has_ended) {
    pending.complete();
  } else {
    pending.cancel();
    // The answer may have come before that.
    if (!self.waiter.is_done()) return Error{Code::kCancelled, "the call was interrupted"};
  }
  for (std::uint64_t id = self.lost.streams.first; id < self.lost.streams.end(); ++id) {
    driver_->cancel_stream({self.lost.connection, id});
  }
  return {};
}

Result<Submission> BlockingDriver::Impl::submit(std::uint64_t token, const OutboundCall& call) {
  return driver_->call(call.client, token, call.method, call.options, call.metadata, call.payload);
}

// Waits where the queue is full, unless nobody waits for an answer either.
Result<Submission> BlockingDriver::Impl::send(std::uint64_t token, OutboundCall call, std::optional<Reading>& reading,
                                              const Interrupted& interrupted) {
  CallOptions& options = call.options;
  const TimePoint deadline = options.timeout ? deadline_after(system_.now(), *options.timeout) : kNever;
  Result<Submission> sent = submit(token, call);
  if (!sent.ok() || sent.value() == Submission::kTaken || options.notify) return sent;
  Wait room(/*for_condition=*/true);
  // Another thread's call may take the room that an event tells of, so each look is a try.
  room.done = [&] {
    const TimePoint now = system_.now();
    if (now >= deadline) return false;
    if (options.timeout) options.timeout = deadline - now;
    sent = submit(token, call);
    return !sent.ok() || sent.value() == Submission::kTaken;
  };
  room.deadline = deadline;
  const bool taken = wait(room, reading, interrupted);
  reading = try_read();
  if (taken) return sent;
  if (system_.now() < deadline) return Error{Code::kCancelled, "the call was interrupted"};
  return Error{Code::kDeadlineExceeded,
               "the call could not be sent before its deadline: the calls that wait to be sent are too many"};
}

bool BlockingDriver::Impl::wait_until(const Done& done, TimePoint deadline, const Interrupted& interrupted) {
  Wait self(/*for_condition=*/true);
  self.done = done;
  self.deadline = deadline;
  std::optional<Reading> reading;
  return wait(self, reading, interrupted);
}

// While it lives, the handler that this thread runs, if any, waits in a call of its own.
class BlockingDriver::Impl::Waiting {
 public:
  explicit Waiting(Impl& impl) : impl_(impl) { impl_.note_waiting(true); }
  ~Waiting() { impl_.note_waiting(false); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  Impl& impl_;
};

// Afterwards the thread does not read any more.
bool BlockingDriver::Impl::wait(Wait& self, std::optional<Reading>& reading, const Interrupted& interrupted) {
  InterruptCheck check(system_, interrupted);
  bool was_interrupted = false;
  bool satisfied = false;
  const Waiting waiting(*this);
  for (;;) {
    self.observed = observed_.load();  // before it looks
    satisfied = self.is_over();
    if (satisfied || was_interrupted || (self.deadline != kNever && system_.now() >= self.deadline)) break;
    if (!reading) {
      reading = try_read();
      // Whoever read until now may have found this thread's answer just before it left.
      if (reading) continue;
    }
    bool due = false;
    if (reading) {
      due = read_a_while(check, self.deadline);
    } else {
      reading = sleep(self, check, due);
    }
    if (!due) continue;
    // What is asked may take long and may call, on this very thread: a signal's handler does.
    reading.reset();
    was_interrupted = check.ask();
  }
  if (reading && satisfied && !self.done && self.result != nullptr) read_first_items(self.result->streams);
  if (reading && satisfied && self.is_back_soon && submitted_.leave_looking_to_collector()) {
    const Scope lock(*this);
    reading->pass_on_promised(lock);
  }
  reading.reset();
  return satisfied;
}

// The first items of a result's streams come close behind it. Whoever left the reading now would have everything armed
// before they arrive, the peer would ring for them, and the thread would be woken when it asks for them. So it reads on
// for as long as being woken would take; it does not sleep.
void BlockingDriver::Impl::read_first_items(const StreamTable::Queues& streams) {
  if (streams.empty()) return;
  const auto are_ready = [&streams] {
    return std::all_of(streams.begin(), streams.end(), [](const auto& stream) { return stream->is_ready(); });
  };
  // Other messages must not keep the caller from its result.
  const TimePoint end = system_.now() + kFirstItemsWait;
  while (!are_ready() && driver_->spin([this] { return descriptor_is_ready(); })) {
    run(false);
    if (system_.now() >= end) return;
  }
}

// One round of looking, spinning and blocking. True when it is time to ask whether the wait was interrupted.
bool BlockingDriver::Impl::read_a_while(InterruptCheck& check, TimePoint deadline) {
  if (driver_->spin([this] { return descriptor_is_ready(); })) {
    run(false);
    return check.is_due_after_messages();
  }
  if (!driver_->prepare_sleep()) {
    run(true);
    return check.is_due_after_messages();
  }
  {
    const Scope lock(*this);
    watch_.set_interest(false);
  }
  const bool ready = wait_readable(system_, driver_->fd(), check.limit(deadline));
  run(true);
  return check.is_due_after_sleep(ready);
}

// Sleeps until woken. Reads from now on where the thread that read has passed the token on to this one.
std::optional<BlockingDriver::Impl::Reading> BlockingDriver::Impl::sleep(Wait& self, InterruptCheck& check, bool& due) {
  {
    const Scope lock(*this);
    if (!token_.is_held() || (self.waiter.is_for_condition() && self.observed != observed_.load())) return std::nullopt;
    if (!self.waiter.fall_asleep()) return std::nullopt;
    token_.line_up(self.waiter);
  }
  self.waiter.sleep(system_, check.limit(self.deadline));
  Waiter::Wake why = Waiter::kAwake;
  {
    const Scope lock(*this);
    token_.leave_line(self.waiter);
    why = self.waiter.get_up();
  }
  due = check.is_due_after_sleep(why != Waiter::kAsleep);
  if (why != Waiter::kPromoted) return std::nullopt;
  return Reading(*this);
}

}  // namespace ipcbridge
