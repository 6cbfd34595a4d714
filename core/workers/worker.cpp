// BlockingDriver: threads that run handlers.
#include "core/workers/worker.hpp"

#include <utility>

#include "core/workers/blocking_driver_impl.hpp"

namespace ipcbridge {
namespace {

// The innermost of this thread.
thread_local Worker* current_worker = nullptr;

}  // namespace

Worker::Worker(BlockingDriver& driver, ServerId server, std::uint32_t epoch)
    : driver_(*driver.impl_), server_(server), epoch_(epoch) {
  if (!driver_.forked()) driver_.enter(*this);
  outer_ = std::exchange(current_worker, this);
}

Worker::~Worker() {
  current_worker = outer_;
  if (queue_ != nullptr && !driver_.forked()) driver_.leave(*this);
}

bool Worker::wait(const Interrupted& interrupted) {
  return !driver_.forked() && driver_.wait_for_call(*this, interrupted);
}

bool Worker::take(InboundCall& call) { return !driver_.forked() && driver_.take(*this, call); }

bool Worker::next(InboundCall& call, const Interrupted& interrupted) {
  while (wait(interrupted)) {
    if (take(call)) return true;
  }
  return false;
}

void BlockingDriver::Impl::enter(Worker& self) {
  {
    const Scope lock(*this);
    self.queue_ = &pool_.queue(self.server_);
    self.number_ = pool_.add_worker(*self.queue_);
  }
  // Only now, when whoever stops the workers finds this one: a thread may be so late that its server is closed and
  // forgotten, and nobody would stop it any more.
  if (driver_->server_status(self.server_).state != ServerState::kClosed) return;
  const Scope lock(*this);
  self.queue_->over = true;
  pool_.stop(self.server_);
}

void BlockingDriver::Impl::leave(Worker& self) {
  const Scope lock(*this);
  pool_.remove_worker(*self.queue_, self.number_);
  pool_.erase_if_over(self.server_);
}

// Until there is a call to come for.
bool BlockingDriver::Impl::wait_for_call(Worker& self, const Interrupted& interrupted) {
  Scope lock(*this);
  WorkQueue& queue = *self.queue_;
  pool_.finish(queue, self.number_);
  InterruptCheck check(system_, interrupted);
  bool was_interrupted = false;
  while (!was_interrupted && !queue.dismisses(self.epoch_)) {
    if (pool_.reserve(queue, self.number_)) return true;
    // While the leader sleeps in the kernel, whoever comes back from a handler reads on: it is awake already.
    if (pool_.has_leader() && !token_.is_held() && read_for_calls(queue, {}, lock)) continue;
    // The lock was given up on the way here: whoever stops the workers, or queued a call, found nobody asleep.
    if (queue.dismisses(self.epoch_) || !queue.empty()) continue;
    const bool follows = pool_.has_leader() || pool_.is_for_loop_to_lead();
    if (!(follows ? follow(self, check, lock) : lead(self, queue, check, lock))) continue;
    // May take long: somebody else leads meanwhile.
    lock.unlock();
    was_interrupted = check.ask();
    lock.lock();
  }
  return false;
}

bool BlockingDriver::Impl::take(Worker& self, InboundCall& call) {
  const Scope lock(*this);
  if (!self.queue_->dismisses(self.epoch_)) {
    if (!pool_.take(*self.queue_, self.number_, call)) return false;
    self.call_ = call.key;
    return true;
  }
  pool_.finish(*self.queue_, self.number_);
  return false;
}

// The answer may have brought the workers a call: that which had to wait for the one that is answered. Where a worker
// has answered its own call, it takes the other one as soon as it is back, and nobody is woken for it.
void BlockingDriver::Impl::note_answer(const RequestKey& request) {
  if (!pool_.has_new_calls()) return;
  const Scope lock(*this);
  ++handed_over_;
  const Worker* self = current_worker;
  if (self == nullptr || &self->driver_ != this || self->queue_ == nullptr || self->call_ != request) return;
  pool_.note_answered(*self->queue_, self->number_);
}

// A handler that waits in a call of its own is not done in a moment: others are to take what was left to it.
void BlockingDriver::Impl::note_waiting(bool waits) {
  const Worker* self = current_worker;
  if (self == nullptr || &self->driver_ != this || self->queue_ == nullptr) return;
  const Scope lock(*this);
  self->queue_->set_waiting(self->number_, waits);
}

// Watches the Driver until there is a call for this worker's server, or it is time to ask whether it was interrupted:
// then true.
bool BlockingDriver::Impl::lead(Worker& self, WorkQueue& queue, InterruptCheck& check, Scope& lock) {
  WorkerPool::Idle idle(*self.queue_, self.number_, self.epoch_);
  pool_.lead(idle);
  bool poll = false;
  bool due = false;
  const auto ends = [&] { return !queue.empty() || queue.dismisses(self.epoch_) || pool_.is_for_loop_to_lead(); };
  while (!ends() && !due) {
    const bool busy = !token_.is_held() && read_for_calls(queue, {.runs = poll, .polls = poll}, lock);
    if (ends()) break;
    if (busy) {
      due = check.is_due_after_messages();
      continue;
    }
    idle.asleep = true;
    lock.unlock();
    const DriverWatch::Wake wake = watch_.wait(pool_.leader_bell(), check.limit(kNever));
    due = check.is_due_after_sleep(wake != DriverWatch::Wake::kNobody);
    poll = wake == DriverWatch::Wake::kMessage;
    lock.lock();
    idle.asleep = false;
    // It is here, so nobody need expect it: the call that it was woken for may be another's by now.
    pool_.finish(queue, self.number_);
    // A caller is at it: its messages must not wake this thread again.
    if (poll && token_.is_held()) watch_.set_interest(false);
  }
  pool_.stop_leading();
  return due;
}

// Sleeps until called to lead or to work. True when it is time to ask whether it was interrupted.
bool BlockingDriver::Impl::follow(Worker& self, InterruptCheck& check, Scope& lock) {
  WorkerPool::Idle idle(*self.queue_, self.number_, self.epoch_);
  idle.waiter.fall_asleep();
  pool_.follow(idle);
  lock.unlock();
  idle.waiter.sleep(system_, check.limit(kNever));
  lock.lock();
  pool_.stop_following(idle);
  return check.is_due_after_sleep(idle.waiter.get_up() != Waiter::kAsleep);
}

void BlockingDriver::Impl::stop_workers(ServerId server) {
  const bool over = driver_->server_status(server).state == ServerState::kClosed;
  const Scope lock(*this);
  pool_.stop(server);
  WorkQueue& queue = pool_.queue(server);
  queue.over = queue.over || over;
  pool_.erase_if_over(server);
}

std::uint32_t BlockingDriver::Impl::dismiss_workers(ServerId server) {
  const Scope lock(*this);
  return pool_.dismiss(server);
}

}  // namespace ipcbridge
