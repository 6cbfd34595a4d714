// The steps of the watchdog.
#include "tests/core/workers/worker_model_stepper.hpp"

namespace ipcbridge::worker_model {

void Stepper::run_watchdog() {
  switch (self().at) {
    case At::kWatch:
      return watch("looks after the workers", [](State&) {});
    case At::kPause:
      if (from_.watchdog_bell) go("hears its bell", At::kSilenceAfterPause);
      if (from_.has_timer) wait_for_time(At::kBackFromPause);
      return;
    case At::kSilenceAfterPause:
      return silence(At::kBackFromPause);
    case At::kBackFromPause:
      return watch("looks again after the workers", [](State& s) { s.watching = Watching::kAwake; });
    case At::kWatchDriver:
      sleep_until_woken(from_.watchdog_bell, At::kSilenceWatchdogBell, At::kBackFromWatch);
      if (from_.has_timer) wait_for_time(At::kBackFromWatch);
      return;
    case At::kSilenceWatchdogBell:
      return silence(At::kBackFromWatch);
    case At::kBackFromWatch:
      return back_from_watch();
    default:
      return;
  }
}

void Stepper::wait_for_time(At next) {
  step("waits for its time", [&](State& s) { self(s).at = next; });
  steps_.back().actor = model::kEnvironment;
}

void Stepper::silence(At next) {
  step("silences its bell", [&](State& s) {
    s.watchdog_bell = false;
    self(s).at = next;
  });
}

template <typename Begin>
void Stepper::watch(std::string_view name, const Begin& begin) {
  bool may_rest = false;
  scope(name, [&](State& s, Locked& lock) {
    begin(s);
    const bool wanted = lock.tick();
    if (lock.must_read()) return read_as_watchdog(s, lock, wanted);
    may_rest = !wanted && !s.unseen_starts;
    lock.fall_asleep(Watching::kPaced, true);
    give_up(s, lock, At::kPause);
  });
  if (!may_rest) return;
  // After enough of such looks.
  scope("sees that there is nothing to look after", [&](State& s, Locked& lock) {
    begin(s);
    lock.tick();
    lock.fall_asleep(Watching::kResting, false);
    give_up(s, lock, At::kPause);
  });
}

void Stepper::read_as_watchdog(State& s, Locked& lock, bool wanted) {
  lock.fall_asleep(Watching::kReading, wanted);
  if (!lock.try_take(self_)) return give_up(s, lock, At::kWatchDriver);
  lock.wake_needed();
  self(s).at = At::kSetAwake;
  self(s).after = At::kFirstRun;
}

void Stepper::back_from_watch() {
  const auto get_up = [this](State& s) {
    s.watching = Watching::kAwake;
    self(s).message = false;
  };
  if (!self().message || from_.held) {
    return watch("is back from the Driver", [&](State& s) {
      if (self().message && !is(Mutation::kInterestStaysOn)) s.interest = false;
      get_up(s);
    });
  }
  scope("reads as the watchdog", [&](State& s, Locked& lock) {
    get_up(s);
    lock.try_take(self_);
    lock.wake_needed();
    self(s).at = At::kSetAwake;
    self(s).after = At::kReadAsWatchdog;
  });
}

}  // namespace ipcbridge::worker_model
