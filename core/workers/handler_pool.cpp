#include "core/workers/handler_pool.hpp"

#include <algorithm>
#include <utility>

namespace ipcbridge {

// A thread goes to sleep, or leaves, without memory.
HandlerPool::HandlerPool(std::uint32_t most_threads) : most_threads_(most_threads) {
  threads_.reserve(most_threads);
  idle_.reserve(most_threads);
}

void HandlerPool::push(InboundCall&& call) {
  const std::lock_guard lock(mutex_);
  waiting_.push(std::move(call));
}

bool HandlerPool::call_thread() {
  const std::lock_guard lock(mutex_);
  call_idle();
  if (is_attended() || threads_.size() + starting_ >= most_threads_) return false;
  ++starting_;
  ++coming_;
  return true;
}

void HandlerPool::call_idle() {
  if (is_attended() || idle_.empty()) return;
  Thread* const thread = idle_.back();
  idle_.pop_back();
  thread->set_coming(true);
  thread->waiter_.wake(Waiter::kPromoted);
}

bool HandlerPool::note_not_started() {
  const std::lock_guard lock(mutex_);
  if (starting_ > 0) {
    --starting_;
    --coming_;
  }
  return threads_.empty() && starting_ == 0;
}

bool HandlerPool::has_calls() const {
  const std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

bool HandlerPool::take_back(InboundCall& call) {
  const std::lock_guard lock(mutex_);
  return waiting_.pop(call);
}

bool HandlerPool::cancel(const RequestKey& key) {
  const std::lock_guard lock(mutex_);
  if (Thread* thread = find(key)) {
    thread->is_cancelled_ = true;
    return false;
  }
  return waiting_.cancel(key);
}

bool HandlerPool::is_cancelled(const RequestKey& key) const {
  const std::lock_guard lock(mutex_);
  const Thread* thread = find(key);
  return thread != nullptr && (thread->is_cancelled_ || stopping_);
}

HandlerPool::Thread* HandlerPool::find(const RequestKey& running) const {
  const auto found =
      std::find_if(threads_.begin(), threads_.end(), [&](const Thread* thread) { return thread->running_ == running; });
  return found == threads_.end() ? nullptr : *found;
}

void HandlerPool::end_connection(std::uint64_t connection) {
  const std::lock_guard lock(mutex_);
  waiting_.end_connection(connection);
}

void HandlerPool::stop() {
  CallQueue dropped;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  std::swap(dropped, waiting_);
  for (Thread* thread : idle_) thread->waiter_.wake(Waiter::kPromoted);
}

HandlerPool::Thread::Thread(HandlerPool& pool) : pool_(pool) {
  const std::lock_guard lock(pool_.mutex_);
  pool_.threads_.push_back(this);
  if (pool_.starting_ == 0) return;  // its start was taken for a failure
  --pool_.starting_;
  is_coming_ = true;
}

HandlerPool::Thread::~Thread() {
  const std::lock_guard lock(pool_.mutex_);
  set_coming(false);
  std::erase(pool_.threads_, this);
  pool_.call_idle();
}

void HandlerPool::Thread::set_coming(bool coming) {
  if (std::exchange(is_coming_, coming) == coming) return;
  coming ? ++pool_.coming_ : --pool_.coming_;
}

bool HandlerPool::Thread::wait(const std::function<bool()>& read) {
  std::unique_lock lock(pool_.mutex_);
  running_ = {};
  bool reads = static_cast<bool>(read);
  while (!pool_.stopping_) {
    if (!pool_.waiting_.empty()) {
      set_coming(true);
      return true;
    }
    if (reads) {
      set_coming(true);  // nobody else need be called for what it reads, or the loop, which takes the reading back
      lock.unlock();
      reads = read();
      lock.lock();
      continue;
    }
    set_coming(false);
    waiter_.fall_asleep();
    pool_.idle_.push_back(this);
    lock.unlock();
    waiter_.sleep(System::real(), kNever);
    lock.lock();
    std::erase(pool_.idle_, this);
    waiter_.get_up();
    reads = static_cast<bool>(read);
  }
  return false;
}

bool HandlerPool::Thread::take(InboundCall& call) {
  const std::lock_guard lock(pool_.mutex_);
  set_coming(false);
  running_ = {};
  if (pool_.stopping_ || !pool_.waiting_.pop(call)) return false;
  running_ = call.key;
  is_cancelled_ = false;
  return true;
}

}  // namespace ipcbridge
