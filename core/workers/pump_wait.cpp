#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "core/base/futex.hpp"
#include "core/workers/pump_impl.hpp"

namespace ipcbridge {
namespace {

// How often a thread that leaves reads on because messages keep arriving, before it leaves all the same.
constexpr int kMaxLastTurns = 16;

// A turn takes about a millisecond at the most.
constexpr std::uint32_t kTurnsPerPoll = 16;

}  // namespace

// The work of the reader, without the lock.
bool Pump::Impl::read(bool poll) {
  // Where messages never run out, nobody sleeps in the kernel: it has to be asked for new connections, doorbells and
  // timers all the same.
  const bool more = driver_->turn(*this, poll || ++turns_ % kTurnsPerPoll == 0);
  for (const RequestKey& key : cancelled_) {
    driver_->reply_error(key, Code::kCancelled, "the call was cancelled before it began", {});
  }
  cancelled_.clear();
  return more;
}

// What was read may be for workers that sleep.
bool Pump::Impl::turn(bool poll) {
  const bool more = read(poll);
  if (unclaimed_.load(std::memory_order_relaxed)) {
    const std::lock_guard lock(mutex_);
    call_workers();
  }
  return more;
}

bool Pump::Impl::try_read() {
  const std::lock_guard lock(mutex_);
  if (reading_) return false;
  reading_ = true;
  return true;
}

bool Pump::Impl::descriptor_is_ready() const {
  pollfd descriptor{driver_->fd(), POLLIN, 0};
  return ::poll(&descriptor, 1, 0) > 0;
}

void Pump::Impl::set_background_interest(bool on) {
  if (background_interest_ == on) return;
  background_interest_ = on;
  epoll_event event{};
  event.events = on ? EPOLLIN : 0U;
  event.data.fd = driver_->fd();
  ::epoll_ctl(background_.get(), EPOLL_CTL_MOD, driver_->fd(), &event);
}

// The token goes to a waiter that sleeps, if there is one.
void Pump::Impl::hand_on_or_release(Lock&) {
  while (!sleepers_.empty()) {
    Waiter& next = *sleepers_.front();
    sleepers_.pop_front();
    sleeper_count_.store(static_cast<std::uint32_t>(sleepers_.size()), std::memory_order_relaxed);
    std::uint32_t expected = Waiter::kAsleep;
    if (next.state.compare_exchange_strong(expected, Waiter::kPromoted)) {
      futex_wake_one(next.state);
      return;
    }
  }
  reading_ = false;
}

// Leaves the reading to others: to a waiter, or with everything armed to the background.
void Pump::Impl::stop_reading() {
  bool armed = false;
  for (int i = 0; i < kMaxLastTurns && !armed && sleeper_count_.load(std::memory_order_relaxed) == 0; ++i) {
    armed = driver_->prepare_sleep();
    if (!armed) turn(true);
  }
  Lock lock(mutex_);
  hand_on_or_release(lock);
  if (reading_) return;
  left_unarmed_ = false;
  set_background_interest(true);
  // Not armed: whoever is in the background must look at once.
  if (!armed) driver_->ring();
}

// A handler that waits in a call of its own is not done in a moment: another worker is to take what was left to it.
void Pump::Impl::note_waiting(bool waits) {
  if (current_worker.pump != this) return;
  const std::lock_guard lock(mutex_);
  const auto queue = queues_.find(current_worker.server);
  if (queue == queues_.end()) return;
  queue->second.set_waiting(current_worker.worker, waits);
  if (waits && queue->second.wants_worker()) call_worker(current_worker.server);
}

bool Pump::Impl::wait(Waiter& waiter, const Done& done, TimePoint deadline, const Interrupted& interrupted) {
  InterruptCheck check(interrupted);
  bool was_interrupted = false;
  bool reads = false;
  bool satisfied = false;
  note_waiting(true);
  for (;;) {
    waiter.observed = observed_.load();  // before it looks
    satisfied = waiter.done() || (done && done());
    if (satisfied || was_interrupted || (deadline != kNever && Clock::now() >= deadline)) break;
    if (!reads) {
      reads = try_read();
      // Whoever read until now may have found this thread's answer just before it left.
      if (reads) continue;
    }
    bool due = false;
    if (reads) {
      due = read_a_while(check, deadline);
    } else {
      // This thread's call has woken its connection, for which the peer then rings no more; blocked_ is set
      // before everything is armed, so either that arming came later, or the reader is told here.
      if (blocked_.load()) driver_->ring();
      reads = sleep(waiter, std::min(deadline, deadline_after(Clock::now(), waiter.look_interval)), check, due);
    }
    if (!due) continue;
    // What is asked may take long and may call, on this very thread: a signal's handler does.
    if (reads) stop_reading();
    reads = false;
    was_interrupted = check.ask();
  }
  if (reads) stop_reading();
  note_waiting(false);
  return satisfied;
}

// One round of looking, spinning and blocking. True when it is time to ask whether the wait was interrupted.
bool Pump::Impl::read_a_while(InterruptCheck& check, TimePoint deadline) {
  if (driver_->spin([this] { return descriptor_is_ready(); })) {
    turn(false);
    return check.is_due_after_messages();
  }
  blocked_.store(true);
  if (!driver_->prepare_sleep()) {
    blocked_.store(false);
    turn(true);
    return check.is_due_after_messages();
  }
  {
    const std::lock_guard lock(mutex_);
    set_background_interest(false);
  }
  pollfd descriptor{driver_->fd(), POLLIN, 0};
  const int ready = ::poll(&descriptor, 1, poll_timeout(check.limit(deadline)));
  blocked_.store(false);
  turn(true);
  return check.is_due_after_sleep(ready > 0);
}

// Sleeps until woken. True when the thread that read has handed the token to this one.
bool Pump::Impl::sleep(Waiter& waiter, TimePoint deadline, InterruptCheck& check, bool& due) {
  {
    const std::lock_guard lock(mutex_);
    if (!reading_ || (waiter.looks && waiter.observed != observed_.load())) return false;
    std::uint32_t expected = Waiter::kAwake;
    if (!waiter.state.compare_exchange_strong(expected, Waiter::kAsleep)) return false;
    sleepers_.push_back(&waiter);
    sleeper_count_.store(static_cast<std::uint32_t>(sleepers_.size()), std::memory_order_relaxed);
  }
  futex_wait(waiter.state, Waiter::kAsleep, check.limit(deadline));
  bool promoted = false;
  bool woken = true;
  {
    const std::lock_guard lock(mutex_);
    std::erase(sleepers_, &waiter);
    sleeper_count_.store(static_cast<std::uint32_t>(sleepers_.size()), std::memory_order_relaxed);
    std::uint32_t expected = Waiter::kAsleep;
    if (waiter.state.compare_exchange_strong(expected, Waiter::kAwake)) {
      woken = false;
    } else if (expected == Waiter::kPromoted) {
      promoted = true;
      // Nobody else reads now, so no outcome can have arrived in between.
      waiter.state.store(Waiter::kAwake);
    }
  }
  due = check.is_due_after_sleep(woken);
  return promoted;
}

bool Pump::Impl::wait_until(const Done& done, TimePoint deadline, const Interrupted& interrupted,
                            Duration look_interval) {
  Waiter waiter;
  waiter.looks = true;
  waiter.look_interval = look_interval;
  return wait(waiter, done, deadline, interrupted);
}

}  // namespace ipcbridge
