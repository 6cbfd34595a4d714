// BlockingDriver: the thread of the watchdog.
#include <utility>

#include "core/base/thread.hpp"
#include "core/workers/blocking_driver_impl.hpp"

namespace ipcbridge {

Status BlockingDriver::Impl::start() {
  Result<std::thread> thread = start_thread(system_, [this] { watch(); });
  if (!thread.ok()) return thread.error();
  watchdog_thread_ = std::move(thread).value();
  return {};
}

BlockingDriver::Impl::~Impl() {
  {
    const Scope lock(*this);
    watchdog_.stop();
  }
  if (watchdog_thread_.joinable()) watchdog_thread_.join();
}

void BlockingDriver::Impl::watch() {
  Scope lock(*this);
  for (;;) {
    const TimePoint told = tell_activities(lock);
    if (watchdog_.is_stopping()) return;
    const TimePoint now = system_.now();
    const bool wanted = pool_.tick(now, told);
    tell_saturated(now, lock);
    if (must_read()) {
      watchdog_.begin_pace_anew();
      read_as_watchdog(lock, wanted);
      continue;
    }
    const std::optional<Duration> pause = watchdog_.pause({.wanted = wanted,
                                                           .taken = watchdog_.seen_starts() != pool_.starts(),
                                                           .slow = pool_.any_stuck(),
                                                           .begun = pool_.expects_worker()});
    const TimePoint until = pause ? system_.now() + *pause : pool_.saturation_due();
    watchdog_.fall_asleep(false, pause.has_value(), pool_.starts());
    lock.unlock();
    watchdog_.bell().wait(until);
    lock.lock();
    watchdog_.get_up();
  }
}

// The callers see it in shared memory; each server's connections are written to once a tick at the most. Gives the lock
// up: the Driver's comes first. Gives the time of which they are told.
TimePoint BlockingDriver::Impl::tell_activities(Scope& lock) {
  const TimePoint now = system_.now();
  while (const WorkQueue* queue = pool_.next_with_new_activity(now)) {
    const ServerId server = queue->server();
    const std::optional<shm::Activity> activity = queue->activity();
    lock.unlock();
    driver_->tell_activity(server, activity);
    lock.lock();
  }
  return now;
}

void BlockingDriver::Impl::tell_saturated(TimePoint now, Scope& lock) {
  while (const WorkQueue* queue = pool_.next_saturated(now)) {
    const SaturationEvent event{queue->server(), queue->load(now)};
    lock.unlock();
    tell_observer(event);
    lock.lock();
  }
}

void BlockingDriver::Impl::read_as_watchdog(Scope& lock, bool wanted) {
  const TimePoint until = wanted ? system_.now() + WatchPace::kTick : pool_.saturation_due();
  watchdog_.fall_asleep(true, wanted, pool_.starts());
  // Whoever read last may have left without arming.
  if (token_.try_take()) {
    lock.unlock();
    const Reading reading(*this);
    run(true);
  } else {
    lock.unlock();
  }
  const DriverWatch::Wake wake = watch_.wait(watchdog_.bell(), until);
  lock.lock();
  watchdog_.get_up();
  if (wake != DriverWatch::Wake::kMessage) return;
  if (!token_.try_take()) {
    watch_.set_interest(false);  // a caller is at it
    return;
  }
  lock.unlock();
  {
    const Reading reading(*this);
    while (run(true) && !token_.is_wanted()) {
    }
  }
  lock.lock();
}

}  // namespace ipcbridge
