#include "core/workers/work_queue.hpp"

#include <algorithm>
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

void WorkQueue::expect(WorkerId worker, Tick now) { set(worker, {.state = Worker::kComing, .since = now}); }

bool WorkQueue::reserve(WorkerId worker, Tick now) {
  if (waiting_.empty()) {
    set(worker, {.state = Worker::kIdle});
    return false;
  }
  expect(worker, now);
  return true;
}

bool WorkQueue::pop(WorkerId worker, InboundCall& call, Tick now) {
  if (!waiting_.pop(call)) return false;
  set(worker, {.state = Worker::kRunning, .server = call.server, .method = call.method, .since = now});
  return true;
}

void WorkQueue::note_answered(WorkerId worker, Tick now) {
  finish(worker, now);
  set(worker, {.state = Worker::kAnswered, .since = now});
}

void WorkQueue::set_waiting(WorkerId worker, bool waits) { workers_[worker - 1].waits = waits; }

void WorkQueue::finish(WorkerId worker, Tick now) {
  const Worker self = workers_[worker - 1];
  if (!self.busy()) return;
  set(worker, {.state = Worker::kIdle});
  if (!self.running()) return;
  saturation_told_ = false;
  history_.note(self.server, self.method, now - self.since >= kFastTicks);
}

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
    return worker.busy() && !worker.stuck(now) && !worker.waits &&
           !(worker.running() && is_slow(worker.server, worker.method));
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

std::optional<shm::Activity> WorkQueue::longest_activity(ServerId server, TimePoint now) const {
  std::optional<shm::Activity> longest;
  if (busy_ == 0) return longest;
  for (const Worker& worker : workers_) {
    if (!worker.running() || worker.server != server) continue;
    if (worker.seen == kNever || now - worker.seen < kTellAfter) continue;
    if (!longest || worker.seen < longest->since) longest = shm::Activity{worker.method, worker.seen};
  }
  return longest;
}

bool WorkQueue::update_activity(TimePoint now, const WorkQueue* loop) {
  std::optional<shm::Activity> longest = longest_activity(server_, now);
  if (loop != nullptr) {
    const std::optional<shm::Activity> on_loop = loop->longest_activity(server_, now);
    if (on_loop && (!longest || on_loop->since < longest->since)) longest = on_loop;
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
