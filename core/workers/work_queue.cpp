#include "core/workers/work_queue.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace ipcbridge {

WorkQueue::WorkerId WorkQueue::add_worker() {
  const auto free = std::find_if(workers_.begin(), workers_.end(),
                                 [](const Worker& worker) { return worker.state == Worker::kNone; });
  const auto at = static_cast<WorkerId>(free - workers_.begin());
  if (free == workers_.end()) workers_.emplace_back();
  workers_[at].state = Worker::kIdle;
  return at + 1;
}

void WorkQueue::remove_worker(WorkerId worker) { set(worker, {}); }

void WorkQueue::set(WorkerId worker, const Worker& now) {
  Worker& self = workers_[worker - 1];
  busy_ += static_cast<std::uint32_t>(now.busy()) - static_cast<std::uint32_t>(self.busy());
  coming_ += static_cast<std::uint32_t>(now.state == Worker::kComing) -
             static_cast<std::uint32_t>(self.state == Worker::kComing);
  self = now;
}

bool WorkQueue::has_workers() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const Worker& worker) { return worker.state != Worker::kNone; });
}

void WorkQueue::expect(WorkerId worker, Tick now) { set(worker, {Worker::kComing, 0, now, kNever}); }

bool WorkQueue::reserve(WorkerId worker, Tick now) {
  if (waiting_.empty()) {
    set(worker, {Worker::kIdle});
    return false;
  }
  expect(worker, now);
  return true;
}

bool WorkQueue::pop(WorkerId worker, InboundCall& call, Tick now) {
  if (!waiting_.pop(call)) return false;
  set(worker, {Worker::kRunning, call.method, now, kNever});
  return true;
}

void WorkQueue::note_answered(WorkerId worker, Tick now) {
  finish(worker, now);
  set(worker, {Worker::kAnswered, 0, now, kNever});
}

void WorkQueue::set_waiting(WorkerId worker, bool waits) { workers_[worker - 1].waits = waits; }

void WorkQueue::finish(WorkerId worker, Tick now) {
  const Worker self = workers_[worker - 1];
  if (!self.busy()) return;
  set(worker, {Worker::kIdle});
  if (!self.running()) return;
  saturation_told_ = false;
  if (!make_room_for(self.method)) return;
  std::uint8_t& slowness = slowness_[self.method];
  // Known as slow after one slow call, forgiven after a few fast ones.
  constexpr std::uint8_t kUp = 4;
  constexpr std::uint8_t kMost = 64;
  if (now - self.since >= kFastTicks) {
    slowness = static_cast<std::uint8_t>(std::min<unsigned>(kMost, slowness + kUp));
  } else if (slowness > 0) {
    --slowness;
  }
}

// Without memory for it nothing is learnt of the method.
bool WorkQueue::make_room_for(std::uint32_t method) {
  try {
    if (method >= slowness_.size()) slowness_.resize(method + 1);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

bool WorkQueue::is_slow(std::uint32_t method) const { return method < slowness_.size() && slowness_[method] > 0; }

bool WorkQueue::all_stuck(Tick now) const {
  return std::all_of(workers_.begin(), workers_.end(),
                     [now](const Worker& worker) { return worker.state == Worker::kNone || worker.stuck(now); });
}

bool WorkQueue::any_stuck(Tick now) const {
  return std::any_of(workers_.begin(), workers_.end(), [now](const Worker& worker) { return worker.stuck(now); });
}

bool WorkQueue::expects_worker(Tick now) const {
  if (busy_ == 0) return false;
  return std::any_of(workers_.begin(), workers_.end(), [this, now](const Worker& worker) {
    return worker.busy() && !worker.stuck(now) && !worker.waits && !(worker.running() && is_slow(worker.method));
  });
}

void WorkQueue::note_time(TimePoint now) {
  if (busy_ == 0) return;
  for (Worker& worker : workers_) {
    if (worker.busy() && worker.seen == kNever) worker.seen = now;
  }
}

bool WorkQueue::wants_ticks(TimePoint told) const {
  if (busy_ == 0) return false;
  return std::any_of(workers_.begin(), workers_.end(), [told](const Worker& worker) {
    return worker.busy() && (worker.seen == kNever || told - worker.seen < kTellAfter);
  });
}

bool WorkQueue::update_activity(TimePoint now) {
  if (busy_ == 0 && !activity_) return false;
  std::optional<shm::Activity> longest;
  for (const Worker& worker : workers_) {
    if (!worker.running() || worker.seen == kNever || now - worker.seen < kTellAfter) continue;
    if (!longest || worker.seen < longest->since) longest = shm::Activity{worker.method, worker.seen};
  }
  if (longest == activity_) return false;
  activity_ = longest;
  return true;
}

bool WorkQueue::update_saturation(TimePoint now) {
  const bool all_run = busy_ > 0 && std::all_of(workers_.begin(), workers_.end(), [](const Worker& worker) {
                         return worker.state == Worker::kNone || worker.running();
                       });
  if (!all_run) {
    saturation_due_ = kNever;
    saturation_told_ = false;
  } else if (saturation_told_) {
    saturation_due_ = kNever;
  } else if (saturation_due_ == kNever) {
    saturation_due_ = now + kSaturation;
  } else if (now >= saturation_due_) {
    saturation_told_ = !waiting_.empty() && load(now).slowest >= kSaturation;
    saturation_due_ = saturation_told_ ? kNever : now + kSaturation;
    return saturation_told_;
  }
  return false;
}

WorkerLoad WorkQueue::load(TimePoint now) const {
  WorkerLoad load;
  load.queued = static_cast<std::uint32_t>(size());
  for (const Worker& worker : workers_) {
    if (worker.state == Worker::kNone) continue;
    ++load.workers;
    if (!worker.running()) continue;
    ++load.running;
    const Duration ran = worker.seen == kNever ? Duration::zero() : now - worker.seen;
    if (ran < load.slowest) continue;
    load.slowest = ran;
    load.slowest_method = worker.method;
  }
  return load;
}

}  // namespace ipcbridge
