#include "core/workers/worker_pool.hpp"

#include <algorithm>
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

void WorkerPool::erase_if_over(ServerId server) {
  std::erase_if(queues_, [&](const std::unique_ptr<WorkQueue>& queue) {
    const bool over = queue->server() == server && queue->over && !queue->has_workers();
    if (over) calls_ -= queue->size();
    return over;
  });
}

void WorkerPool::stop(ServerId server) {
  queue(server).stopping = true;
  dismissals_ = true;
}

std::uint32_t WorkerPool::dismiss(ServerId server) {
  dismissals_ = true;
  return ++queue(server).epoch;
}

void WorkerPool::push(InboundCall call) {
  ++calls_;
  queue(call.server).push(std::move(call));
  unsettled_calls_.store(true, std::memory_order_relaxed);
}

bool WorkerPool::cancel(ServerId server, const RequestKey& key) {
  WorkQueue* found = find(server);
  if (found == nullptr || !found->cancel(key)) return false;
  --calls_;
  return true;
}

bool WorkerPool::reserve(WorkQueue& queue, WorkQueue::WorkerId worker) {
  if (!queue.reserve(worker, ticks_)) return false;
  ++starts_;
  return true;
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

bool WorkerPool::expects_worker() const {
  return std::any_of(queues_.begin(), queues_.end(),
                     [this](const auto& queue) { return queue->expects_worker(ticks_); });
}

void WorkerPool::arrange(ReaderToken& token, Watchdog& watchdog) {
  unsettled_calls_.store(false, std::memory_order_relaxed);
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
  const auto follower = std::find_if(followers_.rbegin(), followers_.rend(),
                                     [&queue](const Idle* idle) { return &idle->queue == &queue; });
  if (follower != followers_.rend()) {
    wake(**follower);
    return true;
  }
  // Awake, it looks at its queue by itself.
  if (leader_ == nullptr || &leader_->queue != &queue) return false;
  if (leader_->asleep) queue.expect(leader_->worker, ticks_);
  wake_leader();
  return true;
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
  wake(*followers_.back());
  return true;
}

void WorkerPool::wake(Idle& follower) {
  std::erase(followers_, &follower);
  follower.queue.expect(follower.worker, ticks_);
  follower.waiter.wake(Waiter::kPromoted);
}

void WorkerPool::wake_leader() {
  if (std::exchange(leader_->asleep, false)) leader_bell_.ring();
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

std::vector<std::pair<ServerId, std::optional<shm::Activity>>> WorkerPool::update_activities(TimePoint now) {
  std::vector<std::pair<ServerId, std::optional<shm::Activity>>> changed;
  stale_activity_ = false;
  for (const std::unique_ptr<WorkQueue>& queue : queues_) {
    if (queue->update_activity(now)) changed.emplace_back(queue->server(), queue->activity());
  }
  return changed;
}

}  // namespace ipcbridge
