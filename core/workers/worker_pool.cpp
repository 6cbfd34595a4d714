#include "core/workers/worker_pool.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace ipcbridge {

WorkQueue* WorkerPool::find(ServerId server) {
  for (const std::unique_ptr<WorkQueue>& queue : queues_) {
    if (queue->server() == server) return queue.get();
  }
  return nullptr;
}

WorkQueue& WorkerPool::queue(ServerId server) {
  if (WorkQueue* found = find(server)) return *found;
  return *queues_.emplace_back(std::make_unique<WorkQueue>(server));
}

WorkQueue::WorkerId WorkerPool::add_worker(WorkQueue& queue) {
  if (followers_.capacity() <= workers_) followers_.reserve(2 * workers_ + 1);
  const WorkQueue::WorkerId worker = queue.add_worker();
  ++workers_;
  return worker;
}

void WorkerPool::remove_worker(WorkQueue& queue, WorkQueue::WorkerId worker) {
  finish(queue, worker);
  queue.remove_worker(worker);
  --workers_;
}

void WorkerPool::erase_if_over(ServerId server) {
  const std::size_t erased = std::erase_if(queues_, [&](const std::unique_ptr<WorkQueue>& queue) {
    const bool over = queue->server() == server && queue->over && !queue->has_workers();
    if (over) calls_ -= queue->size();
    return over;
  });
  if (erased == 0) return;
  if (WorkQueue* loop = find(kLoop)) loop->forget_methods(server);
}

bool WorkerPool::forget_loop(WorkQueue& loop, WorkQueue::WorkerId worker, InboundCall& unplaced) {
  for (const std::unique_ptr<WorkQueue>& queue : queues_) queue->set_loop_methods({});
  while (loop.pop(worker, unplaced, ticks_)) {
    --calls_;
    try {
      push(std::move(unplaced));
    } catch (const std::bad_alloc&) {
      return true;
    }
  }
  remove_worker(loop, worker);
  return false;
}

void WorkerPool::stop(ServerId server) {
  queue(server).stopping = true;
  dismissals_ = true;
}

std::uint32_t WorkerPool::dismiss(ServerId server) {
  dismissals_ = true;
  return ++queue(server).epoch;
}

void WorkerPool::push(InboundCall&& call) {
  WorkQueue& own = queue(call.server);
  const bool for_loop = own.is_for_loop(call.method);
  (for_loop ? queue(kLoop) : own).push(std::move(call));
  ++calls_;
  calls_for_threads_ = for_loop ? 0 : std::min(calls_for_threads_ + 1, kThreadCallsInARow);
  new_calls_.store(true, std::memory_order_relaxed);
}

bool WorkerPool::cancel(ServerId server, const RequestKey& key) {
  for (const ServerId where : {server, kLoop}) {
    WorkQueue* found = find(where);
    if (found == nullptr || !found->cancel(key)) continue;
    --calls_;
    return true;
  }
  return false;
}

void WorkerPool::end_connection(ServerId server, std::uint64_t connection) {
  for (const ServerId where : {server, kLoop}) {
    if (WorkQueue* found = find(where)) found->end_connection(connection);
  }
}

bool WorkerPool::reserve(WorkQueue& queue, WorkQueue::WorkerId worker) {
  if (!queue.reserve(worker, ticks_)) return false;
  ++starts_;
  return true;
}

void WorkerPool::note_answered(WorkQueue& queue, WorkQueue::WorkerId worker) {
  finish(queue, worker);
  queue.note_answered(worker, ticks_);
  ++starts_;  // the watchdog sees to it that the worker comes back
}

bool WorkerPool::take(WorkQueue& queue, WorkQueue::WorkerId worker, InboundCall& call) {
  finish(queue, worker);
  if (!queue.pop(worker, call, ticks_)) {
    queue.expect(worker, ticks_);
    return false;
  }
  --calls_;
  ++starts_;
  return true;
}

bool WorkerPool::is_for_thread_to_lead() const {
  return calls_for_threads_ == kThreadCallsInARow &&
         std::any_of(followers_.begin(), followers_.end(), [](const Idle* idle) { return !idle->is_loop(); });
}

bool WorkerPool::is_for_loop_to_lead() {
  if (calls_for_threads_ == kThreadCallsInARow) return false;
  const WorkQueue* loop = find(kLoop);
  return loop != nullptr && !loop->all_stuck(ticks_);
}

bool WorkerPool::expects_worker() const {
  return std::any_of(queues_.begin(), queues_.end(),
                     [this](const auto& queue) { return queue->expects_worker(ticks_); });
}

void WorkerPool::arrange(ReaderToken& token, Watchdog& watchdog) {
  new_calls_.store(false, std::memory_order_relaxed);
  if (std::exchange(dismissals_, false)) wake_dismissed();
  bool expected = false;
  for (const std::unique_ptr<WorkQueue>& queue : queues_) {
    expected = queue->expects_worker(ticks_) || (queue->wants_worker() && call_worker(*queue)) || expected;
  }
  if (token.is_held() || expected || call_reader(token)) return;
  if (watchdog.call_to_read(token.is_unattended())) token.note_called();
}

// A follower, so that the leader goes on to watch: the one that fell asleep last, whose caches are warm. Or else the
// leader. False when none is idle.
bool WorkerPool::call_worker(WorkQueue& queue) {
  if (Idle* follower = find_follower(queue)) {
    wake(*follower);
    return true;
  }
  // Awake, it looks at its queue by itself.
  if (leader_ == nullptr || &leader_->queue != &queue) return false;
  if (leader_->asleep) queue.expect(leader_->worker, ticks_);
  wake_leader();
  return true;
}

WorkerPool::Idle* WorkerPool::find_follower(const WorkQueue& queue) const {
  const auto found = std::find_if(followers_.rbegin(), followers_.rend(),
                                  [&queue](const Idle* idle) { return &idle->queue == &queue; });
  return found == followers_.rend() ? nullptr : *found;
}

// False when no worker is idle.
bool WorkerPool::call_reader(ReaderToken& token) {
  if (leader_ != nullptr) {
    if (leader_->asleep && token.is_unattended()) {
      wake_leader();
      token.note_called();
    }
    return true;
  }
  if (followers_.empty()) return false;
  wake(*find_next_leader());
  return true;
}

// Of the kind that is to lead, if there is one.
WorkerPool::Idle* WorkerPool::find_next_leader() const {
  const bool for_loop = calls_for_threads_ != kThreadCallsInARow;
  const auto found = std::find_if(followers_.rbegin(), followers_.rend(),
                                  [for_loop](const Idle* idle) { return idle->is_loop() == for_loop; });
  return found == followers_.rend() ? followers_.back() : *found;
}

void WorkerPool::wake(Idle& follower) {
  std::erase(followers_, &follower);
  follower.queue.expect(follower.worker, ticks_);
  if (follower.waiter.wake(Waiter::kPromoted) && follower.is_loop()) follower.bell->ring();
}

void WorkerPool::wake_leader() {
  if (std::exchange(leader_->asleep, false)) (leader_->is_loop() ? *leader_->bell : leader_bell_).ring();
}

void WorkerPool::wake_dismissed() {
  for (std::size_t i = followers_.size(); i-- > 0;) {
    if (followers_[i]->is_dismissed()) wake(*followers_[i]);
  }
  if (leader_ != nullptr && leader_->is_dismissed()) wake_leader();
}

bool WorkerPool::tick(TimePoint now, TimePoint told) {
  ++ticks_;
  bool wanted = false;
  for (const std::unique_ptr<WorkQueue>& queue : queues_) {
    queue->note_time(now);
    wanted = wanted || queue->wants_ticks(told);
  }
  return wanted;
}

bool WorkerPool::any_stuck() const {
  return std::any_of(queues_.begin(), queues_.end(), [this](const auto& queue) { return queue->any_stuck(ticks_); });
}

const WorkQueue* WorkerPool::next_saturated(TimePoint now) {
  for (const std::unique_ptr<WorkQueue>& queue : queues_) {
    if (queue->server() != kLoop && queue->update_saturation(now)) return queue.get();
  }
  return nullptr;
}

TimePoint WorkerPool::saturation_due() const {
  TimePoint due = kNever;
  for (const std::unique_ptr<WorkQueue>& queue : queues_) due = std::min(due, queue->saturation_due());
  return due;
}

const WorkQueue* WorkerPool::next_with_new_activity(TimePoint now) {
  const WorkQueue* loop = find(kLoop);
  has_activities_ = false;
  for (const std::unique_ptr<WorkQueue>& queue : queues_) {
    if (queue->server() == kLoop) continue;
    if (queue->update_activity(now, loop)) return queue.get();
    has_activities_ = has_activities_ || queue->activity().has_value();
  }
  stale_activity_ = false;
  return nullptr;
}

}  // namespace ipcbridge
