#include <algorithm>

#include "core/base/futex.hpp"
#include "core/workers/pump_impl.hpp"

namespace ipcbridge {

thread_local Pump::Impl::WorkerThread Pump::Impl::current_worker;

bool Pump::Impl::next_work(ServerId server, Work& work, const Interrupted& interrupted) {
  return wait_for_work(server, work, interrupted, [&](WorkQueue& queue) { return take(server, queue, work); });
}

bool Pump::Impl::await_work(ServerId server, Work& work, const Interrupted& interrupted) {
  return wait_for_work(server, work, interrupted, [&](WorkQueue& queue) { return promise(queue, work); });
}

// Until `begin` has found a request.
template <typename Begin>
bool Pump::Impl::wait_for_work(ServerId server, Work& work, const Interrupted& interrupted, Begin begin) {
  Lock lock(mutex_);
  WorkQueue& queue = queues_[server];
  if (work.worker == 0) {
    enter(server, queue, work, lock);
  } else {
    finish(queue, work);
  }
  InterruptCheck check(interrupted);
  bool was_interrupted = false;
  while (!was_interrupted && !queue.dismisses(work)) {
    if (begin(queue)) return true;
    // While the leader sleeps in the kernel, whoever comes back from a handler reads on: it is awake already.
    if (leading_ && !reading_ && read_for_work(queue, false, lock)) continue;
    // The lock was given up on the way here: whoever stops the workers, or queued a request, found nobody asleep.
    if (queue.dismisses(work) || !queue.empty()) continue;
    const bool due = leading_ ? follow(server, check, lock) : lead(queue, work, check, lock);
    was_interrupted = due && ask(check, lock);
  }
  leave(server, queue, work);
  return false;
}

// A thread may be so late that its server is closed and forgotten: nobody would stop it any more.
void Pump::Impl::enter(ServerId server, WorkQueue& queue, Work& work, Lock& lock) {
  work.worker = queue.add_worker();
  lock.unlock();
  const bool over = is_over(server);
  lock.lock();
  if (over) queue.stopping = queue.over = true;
  current_worker = {this, server, work.worker};
}

void Pump::Impl::begin_next(ServerId server, const Work& work, std::uint32_t method) {
  const std::lock_guard lock(mutex_);
  queues_[server].begin_next(work.worker, method, ticks_);
}

void Pump::Impl::leave_work(ServerId server, Work& work) {
  const std::lock_guard lock(mutex_);
  WorkQueue& queue = queues_[server];
  finish(queue, work);
  leave(server, queue, work);
}

void Pump::Impl::leave(ServerId server, WorkQueue& queue, Work& work) {
  queue.remove_worker(work.worker);
  if (current_worker == WorkerThread{this, server, work.worker}) current_worker = {};
  work.worker = 0;
  // It may have been called for what waits, or be why nobody was.
  if (!queue.empty()) call_worker(server);
  erase_if_over(server);
  // Who led may have left: an idle worker of another server reads on, or the pump's own thread, which sleeps while
  // there are workers to do it.
  if (!leading_) promote_follower(0);
  wake_deaf_leader();
  if (own_rests_) wake_own_thread();
}

// What the callers see of it is to end, too.
void Pump::Impl::finish(WorkQueue& queue, const Work& work) {
  queue.finish(work.worker, ticks_);
  if (own_rests_ && queue.activity()) wake_own_thread();
}

// Asks whether the wait was interrupted, which may take long: somebody else leads meanwhile.
bool Pump::Impl::ask(InterruptCheck& check, Lock& lock) {
  if (!leading_) promote_follower(0);
  lock.unlock();
  const bool was_interrupted = check.ask();
  lock.lock();
  return was_interrupted;
}

// The leader sleeps in the kernel, and whoever read after that has gone to other work and left nothing armed.
void Pump::Impl::wake_deaf_leader() {
  if (!leading_ || reading_ || !left_unarmed_) return;
  left_unarmed_ = false;
  set_background_interest(true);
  driver_->ring();
}

// Asks the Driver, so without the lock.
bool Pump::Impl::is_over(ServerId server) const { return driver_->server_status(server).state == ServerState::kClosed; }

void Pump::Impl::erase_if_over(ServerId server) {
  const auto queue = queues_.find(server);
  if (queue != queues_.end() && queue->second.over && !queue->second.has_workers()) queues_.erase(queue);
}

bool Pump::Impl::more_work(ServerId server, Work& work) {
  const std::lock_guard lock(mutex_);
  WorkQueue& queue = queues_[server];
  finish(queue, work);
  return !queue.dismisses(work) && take(server, queue, work);
}

bool Pump::Impl::take(ServerId server, WorkQueue& queue, Work& work) {
  if (!queue.pop(work, ticks_)) return false;
  ++taken_;
  if (queue.is_slow(work.method)) be_relieved(server, queue);
  if (own_rests_) wake_own_thread();
  return true;
}

// A method that has been slow before: another worker takes the reading, and what else was read, at once.
void Pump::Impl::be_relieved(ServerId server, const WorkQueue& queue) {
  if (!leading_) {
    promote_follower(0);
    return;
  }
  if (queue.wants_worker()) call_worker(server);
  wake_deaf_leader();
}

bool Pump::Impl::promise(WorkQueue& queue, const Work& work) {
  if (!queue.promise(work.worker, ticks_)) return false;
  if (own_rests_) wake_own_thread();
  return true;
}

// Reads until there is work for this worker's server, or it is time to ask whether it was interrupted: then true.
bool Pump::Impl::lead(WorkQueue& queue, const Work& work, InterruptCheck& check, Lock& lock) {
  leading_ = true;
  if (own_reading_) nudge_background();
  bool poll = false;
  bool due = false;
  while (queue.empty() && !queue.dismisses(work) && !due) {
    const bool busy = !reading_ && read_for_work(queue, poll, lock);
    if (!queue.empty() || queue.dismisses(work)) break;
    lock.unlock();
    if (busy) {
      due = check.is_due_after_messages();
      lock.lock();
      continue;
    }
    bool woken = false;
    poll = wait_in_background(check.limit(kNever), woken);
    due = check.is_due_after_sleep(woken);
    lock.lock();
    // The nudge may have been meant for the pump's own thread: while that sleeps here nobody watches the handlers.
    if (own_reading_) nudge_background();
    // A waiter is at it: its messages must not wake this thread again.
    if (poll && reading_) set_background_interest(false);
  }
  leading_ = false;
  return due;
}

// One round as the reader. False when there is nothing to do but sleep; then everything is armed.
bool Pump::Impl::read_for_work(WorkQueue& queue, bool poll, Lock& lock) {
  reading_ = true;
  const bool may_spin = !has_just_begun();
  lock.unlock();
  bool busy = poll && read(true);
  const auto called_away = [this] {
    return sleeper_count_.load(std::memory_order_relaxed) > 0 || descriptor_is_ready();
  };
  if (!busy && may_spin && !unclaimed_.load(std::memory_order_relaxed)) {
    busy = driver_->spin(called_away);
    if (busy) read(false);
  }
  lock.lock();
  if (!queue.empty()) {
    // Not armed: this worker is back in a moment, or the pump's thread sees that it is not.
    hand_on_or_release(lock);
    left_unarmed_ = !reading_;
    call_workers(&queue);
    return true;
  }
  // What was read is for another server of this process.
  if (unclaimed_.load(std::memory_order_relaxed)) call_workers(&queue);
  lock.unlock();
  stop_reading();
  lock.lock();
  return busy;
}

// Whether a handler runs, or is about to, that may soon be done: a thread that spins could take the CPU from it, which
// makes the method look slow, which calls more threads to read.
bool Pump::Impl::has_just_begun() const {
  return std::any_of(queues_.begin(), queues_.end(),
                     [this](const auto& entry) { return entry.second.has_just_begun(ticks_); });
}

// Sleeps until called to lead or to work. True when it is time to ask whether it was interrupted.
bool Pump::Impl::follow(ServerId server, InterruptCheck& check, Lock& lock) {
  Waiter self;
  self.server = server;
  self.state.store(Waiter::kAsleep);
  followers_.push_back(&self);
  lock.unlock();
  futex_wait(self.state, Waiter::kAsleep, check.limit(kNever));
  const bool due = check.is_due_after_sleep(self.state.load() != Waiter::kAsleep);
  lock.lock();
  std::erase(followers_, &self);
  return due;
}

// Wakes one idle worker: of this server, or (0) of the one that needs it most.
bool Pump::Impl::promote_follower(ServerId server) {
  auto best = followers_.end();
  for (auto at = followers_.begin(); at != followers_.end(); ++at) {
    if (server != 0 && (*at)->server != server) continue;
    if (best == followers_.end() || !queues_[(*at)->server].empty()) best = at;
  }
  if (best == followers_.end()) return false;
  Waiter& follower = **best;
  followers_.erase(best);
  follower.state.store(Waiter::kPromoted);
  futex_wake_one(follower.state);
  return true;
}

// The leader may be of this server or another's; it looks at its own queue, so both are woken.
void Pump::Impl::call_worker(ServerId server) {
  if (leading_) nudge_background();
  promote_follower(server);
}

// Requests were read by a thread that will not run them, except those of `own`.
void Pump::Impl::call_workers(const WorkQueue* own) {
  unclaimed_.store(false, std::memory_order_relaxed);
  for (auto& [server, queue] : queues_) {
    // Who has just begun is back in a moment, or the pump's thread sees that it is not.
    if (&queue == own || !queue.wants_worker() || queue.has_just_begun(ticks_)) continue;
    call_worker(server);
  }
}

void Pump::Impl::stop_workers(ServerId server) {
  const bool over = is_over(server);
  const std::lock_guard lock(mutex_);
  WorkQueue& queue = queues_[server];
  queue.stopping = true;
  queue.over = queue.over || over;
  while (promote_follower(server)) {
  }
  nudge_background();
  erase_if_over(server);
}

std::uint32_t Pump::Impl::begin_shift(ServerId server) {
  const std::lock_guard lock(mutex_);
  const std::uint32_t shift = ++queues_[server].shift;
  while (promote_follower(server)) {
  }
  nudge_background();
  return shift;
}

}  // namespace ipcbridge
