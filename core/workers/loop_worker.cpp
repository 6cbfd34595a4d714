#include "core/workers/loop_worker.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/poll.hpp"
#include "core/workers/blocking_driver_impl.hpp"
#include "core/workers/selector.hpp"

namespace ipcbridge {

Result<std::unique_ptr<LoopWorker>> LoopWorker::create(BlockingDriver& driver, System& system, int selector) {
  Result<Bell> bell = Bell::create(system);
  if (!bell.ok()) return bell.error();
  if (!set_watched(selector, bell.value().fd(), true)) {
    return Error{Code::kResourceExhausted, std::string("cannot watch the event descriptors: ") + std::strerror(errno)};
  }
  std::unique_ptr<LoopWorker> worker(new LoopWorker(driver, system, std::move(bell).value(), selector));
  if (!worker->driver_.forked()) worker->driver_.enter(*worker);
  return worker;
}

LoopWorker::LoopWorker(BlockingDriver& driver, System& system, Bell bell, int selector)
    : driver_(*driver.impl_), system_(system), bell_(std::move(bell)), selector_(selector) {}

LoopWorker::~LoopWorker() {
  if (driver_.forked()) return;
  if (idle_) driver_.leave(*this);
  watch(watched_, false);
  set_watched(selector_, bell_.fd(), false);
}

LoopWorker::Ready LoopWorker::wait(TimePoint until) {
  return idle_ && !driver_.forked() ? driver_.wait_in_loop(*this, until) : Ready::kOther;
}

bool LoopWorker::take(InboundCall& call) { return idle_ && !driver_.forked() && driver_.take(*this, call); }

void LoopWorker::finish() {
  if (idle_ && !driver_.forked()) driver_.finish(*this);
}

void LoopWorker::watch(int fd, bool on) {
  if (fd < 0 || on == (watched_ == fd)) return;
  set_watched(selector_, fd, on);
  watched_ = on ? fd : -1;
}

LoopWorker::Wake LoopWorker::sleep(TimePoint until) const {
  // Nothing is ready: the time is over, or a signal has arrived.
  if (!wait_readable(system_, selector_, until)) return until <= system_.now() ? Wake::kNobody : Wake::kOther;
  std::array<int, 8> fds{};
  Wake why = Wake::kBell;
  for (const int fd : ready_in(selector_, fds)) {
    if (fd == bell_.fd()) {
      bell_.silence();
    } else if (fd != watched_) {
      return Wake::kOther;
    } else {
      why = Wake::kMessage;
    }
  }
  return why;
}

bool LoopWorker::others_are_ready() const { return is_readable_now(selector_); }

void BlockingDriver::Impl::enter(LoopWorker& self) {
  const Scope lock(*this);
  WorkQueue& queue = pool_.queue(WorkerPool::kLoop);
  self.idle_.emplace(queue, pool_.add_worker(queue), 0);
  self.idle_->bell = &self.bell_;
  // The loop may be kept from coming for the first time, while others leave it to it to lead.
  pool_.expect_back(queue, self.idle_->worker);
}

void BlockingDriver::Impl::leave(LoopWorker& self) {
  InboundCall unplaced;
  while (forget(self, unplaced)) driver_->reply_error(unplaced.key, Code::kResourceExhausted, kOutOfMemory, {});
  self.idle_.reset();
}

bool BlockingDriver::Impl::forget(LoopWorker& self, InboundCall& unplaced) {
  const Scope lock(*this);
  return pool_.forget_loop(self.idle_->queue, self.idle_->worker, unplaced);
}

bool BlockingDriver::Impl::take(LoopWorker& self, InboundCall& call) {
  const Scope lock(*this);
  return pool_.take(self.idle_->queue, self.idle_->worker, call);
}

void BlockingDriver::Impl::finish(LoopWorker& self) {
  const Scope lock(*this);
  pool_.finish(self.idle_->queue, self.idle_->worker);
  pool_.expect_back(self.idle_->queue, self.idle_->worker);
}

LoopWorker::Ready BlockingDriver::Impl::wait_in_loop(LoopWorker& self, TimePoint until) {
  Scope lock(*this);
  WorkerPool::Idle& idle = *self.idle_;
  pool_.finish(idle.queue, idle.worker);
  const bool may_wait = until > system_.now();
  // The loop has other work: no more than a look.
  if (!may_wait && idle.queue.empty() && !pool_.has_leader() && !token_.is_held()) poll_in_loop(idle, lock);
  bool others = false;
  // Whoever was called in vain is idle again before it sleeps.
  while (!pool_.reserve(idle.queue, idle.worker)) {
    if (!may_wait || others || system_.now() >= until) {
      pool_.expect_back(idle.queue, idle.worker);  // when the loop has run what is ready
      return others ? LoopWorker::Ready::kOther : LoopWorker::Ready::kNone;
    }
    const bool follows = pool_.has_leader() || pool_.is_for_thread_to_lead();
    others = follows ? follow_in_loop(self, until, lock) : lead_in_loop(self, until, lock);
  }
  return LoopWorker::Ready::kCall;
}

// True when something else of the loop's is ready.
bool BlockingDriver::Impl::lead_in_loop(LoopWorker& self, TimePoint until, Scope& lock) {
  WorkerPool::Idle& idle = *self.idle_;
  pool_.lead(idle);
  self.watch(watch_.fd(), true);
  bool poll = false;
  bool others = false;
  while (idle.queue.empty() && !others && !pool_.is_for_thread_to_lead() && system_.now() < until) {
    const bool busy =
        !token_.is_held() && read_for_calls(idle.queue, {.runs = true, .polls = poll, .loop = &self}, lock);
    if (busy || !idle.queue.empty()) continue;
    pool_.finish(idle.queue, idle.worker);  // called in vain, it is idle again
    idle.asleep = true;
    lock.unlock();
    const LoopWorker::Wake wake = self.sleep(until);
    poll = wake == LoopWorker::Wake::kMessage;
    others = wake == LoopWorker::Wake::kOther;
    lock.lock();
    idle.asleep = false;
    if (poll && token_.is_held()) watch_.set_interest(false);
  }
  pool_.stop_leading();
  return others;
}

// Nobody is called and nothing armed, because the loop will read again before anybody else could.
void BlockingDriver::Impl::poll_in_loop(WorkerPool::Idle& idle, Scope& lock) {
  pool_.expect_back(idle.queue, idle.worker);
  token_.try_take();
  lock.unlock();
  Reading reading(*this);
  run_driver(false);
  lock.lock();
  reading.pass_on_unarmed(lock);
}

// True when something else of the loop's is ready.
bool BlockingDriver::Impl::follow_in_loop(LoopWorker& self, TimePoint until, Scope& lock) {
  WorkerPool::Idle& idle = *self.idle_;
  idle.waiter.fall_asleep();
  pool_.follow(idle);
  lock.unlock();
  self.watch(watch_.fd(), false);
  const bool others = self.sleep(until) == LoopWorker::Wake::kOther;
  lock.lock();
  pool_.stop_following(idle);
  idle.waiter.get_up();
  return others;
}

}  // namespace ipcbridge
