#include "core/reactor/timer_queue.hpp"

#include <algorithm>

namespace ipcbridge {
namespace {

bool later(const TimerQueue::Timer& a, const TimerQueue::Timer& b) { return a.at > b.at; }

}  // namespace

void TimerQueue::add(const Timer& timer) {
  if (timer.at == kNever) return;
  heap_.push_back(timer);
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool TimerQueue::pop_due(TimePoint now, Timer& timer) {
  if (heap_.empty() || heap_.front().at > now) return false;
  std::pop_heap(heap_.begin(), heap_.end(), later);
  timer = heap_.back();
  heap_.pop_back();
  return true;
}

void TimerQueue::drop_dead_head(const std::function<bool(const Timer&)>& is_alive) {
  while (!heap_.empty() && !is_alive(heap_.front())) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
  }
}

void TimerQueue::prune(const std::function<bool(const Timer&)>& is_alive) {
  if (heap_.size() < sweep_at_) return;
  std::erase_if(heap_, [&](const Timer& timer) { return !is_alive(timer); });
  std::make_heap(heap_.begin(), heap_.end(), later);
  sweep_at_ = std::max(kWorthSweeping, 2 * heap_.size());
}

}  // namespace ipcbridge
