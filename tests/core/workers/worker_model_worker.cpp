// The steps of workers: how they wait, lead, follow and run handlers.
#include <utility>

#include "tests/core/workers/worker_model_stepper.hpp"

namespace ipcbridge::worker_model {

bool Stepper::run_worker() {
  switch (self().at) {
    case At::kEnter:
      enter();
      return true;
    case At::kAskClosed:
      if (driver_is_free()) go("asks whether its server is closed", is_closed() ? At::kEnterClosed : At::kWait);
      return true;
    case At::kEnterAfterAll:
      scope("enters late", [this](State& s, Locked& lock) {
        self(s).work = Work::kIdle;
        lock.wake_needed();
        self(s).at = At::kWait;
      });
      return true;
    case At::kEnterClosed:
      scope("stops the workers of a closed server", [this](State& s, Locked& lock) {
        self(s).work = Work::kIdle;
        s.over = true;
        lock.stop();
        lock.wake_needed();
        self(s).at = At::kWait;
      });
      return true;
    case At::kWait:
      scope("waits for a call", [this](State& s, Locked& lock) {
        lock.finish(self_);
        wait_on(s, lock);
      });
      return true;
    case At::kWaitOn:
      scope("waits on", [this](State& s, Locked& lock) { wait_on(s, lock); });
      return true;
    case At::kSpin:
      if (!self().busy && !from_.unsettled_calls && has_unread(from_)) {
        step("sees a message", [this](State& s) {
          self(s).busy = true;
          turn(s, At::kTurn, At::kLookForCalls);
        });
      }
      look_for_calls();
      return true;
    case At::kLookForCalls:
      look_for_calls();
      return true;
    case At::kReadDone:
      scope("is back from reading", [this](State& s, Locked& lock) { after_reading(s, lock); });
      return true;
    case At::kHandler:
      if (!driver_is_free()) return true;
      answer("answers, and waits", wait(), false);
      answer("answers, and comes for the next", At::kTake, false);
      return true;
    case At::kSlowHandler:
      if (driver_is_free()) answer("answers a slow call at last", At::kWait, true);
      return true;
    case At::kSettleAnswer:
      scope("settles what its answer has brought", [this](State& s, Locked& lock) {
        lock.note_answered(self_);
        give_up(s, lock, std::exchange(self(s).after, At::kGone));
      });
      return true;
    case At::kLate:
      go("comes back at last", At::kWait, true);
      return true;
    case At::kTake:
      take();
      return true;
    case At::kLeave:
      scope("leaves", [this](State& s, Locked& lock) {
        lock.finish(self_);
        self(s).work = Work::kNone;
        lock.erase_if_over();
        lock.wake_needed();
        self(s).at = At::kGone;
      });
      return true;
    default:
      return sleep_idle();
  }
}

bool Stepper::is_closed() const { return from_.closed && model_.server_of(self_) == 0; }

void Stepper::enter() {
  if (is(Mutation::kAskBeforeEnter)) {
    if (driver_is_free()) {
      go("asks too early whether its server is closed", is_closed() ? At::kEnterClosed : At::kEnterAfterAll);
    }
    return;
  }
  scope("enters", [this](State& s, Locked& lock) {
    self(s).work = Work::kIdle;
    lock.wake_needed();
    self(s).at = At::kAskClosed;
  });
}

void Stepper::answer(std::string_view name, At next, bool spurious) {
  const bool brings_another = model_.serial && from_.serial_waiting > 0;
  const auto with = [&](std::string_view how, const auto& change) {
    step(
        how,
        [&](State& s) {
          disturb(s);
          self(s).at = next;
          change(s);
        },
        spurious);
  };
  if (!brings_another) return with(name, [](State& s) { s.serial_busy = false; });
  with("answers, and leaves the next to the reader", [](State& s) {
    add(s.serial_waiting, -1);
    s.due = true;
  });
  with("answers, and brings the next", [&](State& s) { begin_next(s, next); });
  with("answers, brings the next, and comes late", [&](State& s) { begin_next(s, At::kLate); });
}

void Stepper::begin_next(State& s, At next) const {
  add(s.serial_waiting, -1);
  Locked(model_, s).push(0);
  self(s).at = At::kSettleAnswer;
  self(s).after = next;
}

// The loop of wait_for_call(), with the lock, until it gives it up.
void Stepper::wait_on(State& s, Locked& lock) {
  if (lock.is_dismissed(self_)) return give_up(s, lock, At::kLeave);
  if (lock.reserve(self_)) return give_up(s, lock, At::kTake);
  if (lock.has_leader() && !s.held) return read_for_calls(s, lock);
  be_idle(s, lock);
}

void Stepper::give_up(State& s, Locked& lock, At next) {
  lock.wake_needed();
  self(s).at = next;
}

void Stepper::be_idle(State& s, Locked& lock) {
  if (lock.has_leader() || lock.is_for_loop_to_lead()) {
    lock.follow(self_);
    return give_up(s, lock, At::kFollowing);
  }
  s.leader = self_;
  self(s).message = false;
  lead_on(s, lock);
}

void Stepper::read_for_calls(State& s, Locked& lock) {
  lock.try_take(self_);
  lock.wake_needed();
  self(s).at = At::kSetAwake;
  self(s).after = At::kReadForCalls;
}

void Stepper::look_for_calls() {
  scope("looks whether there are calls", [this](State& s, Locked& lock) {
    if (lock.has_call(self_)) {
      lock.pass_on(self_, false);
      self(s).busy = true;
      return after_reading(s, lock);
    }
    lock.wake_needed();
    release_then(s, At::kReadDone);
  });
}

void Stepper::after_reading(State& s, Locked& lock) {
  const bool busy = std::exchange(self(s).busy, false);
  if (is_loop()) return busy || lock.has_call(self_) ? lead_in_loop(s, lock) : sleep_as_leader(s, lock);
  const bool called = (lock.has_call(self_) || lock.is_dismissed(self_)) && !is(Mutation::kNoLookAfterReading);
  if (s.leader == self_) {
    if (called || lock.is_for_loop_to_lead()) {
      stop_leading(s, lock);
      wait_on(s, lock);
    } else if (busy) {
      lead_on(s, lock);
    } else {
      sleep_as_leader(s, lock);
    }
  } else if (called || busy) {
    wait_on(s, lock);
  } else {
    be_idle(s, lock);
  }
}

void Stepper::stop_leading(State& s, Locked& lock) {
  lock.stop_leading();
  self(s).message = false;
}

// The loop of lead(), with the lock, until it gives it up.
void Stepper::lead_on(State& s, Locked& lock) {
  if (lock.has_call(self_) || lock.is_dismissed(self_) || lock.is_for_loop_to_lead()) {
    stop_leading(s, lock);
    return wait_on(s, lock);
  }
  s.held ? sleep_as_leader(s, lock) : read_for_calls(s, lock);
}

void Stepper::sleep_as_leader(State& s, Locked& lock) {
  s.leader_asleep = true;
  self(s).message = false;
  if (is_loop()) {
    lock.finish(self_);
    return give_up(s, lock, At::kLoopAsleep);
  }
  give_up(s, lock, is(Mutation::kLeaderBellSilencedLate) ? At::kSilenceLeaderBell : At::kLeaderAsleep);
}

bool Stepper::sleep_idle() {
  switch (self().at) {
    case At::kLeaderAsleep:
      sleep_until_woken(from_.leader_bell, At::kSilenceLeaderBell, At::kLeaderBack);
      scope(
          "is woken as leader for nothing",
          [this](State& s, Locked& lock) {
            stop_leading(s, lock);
            give_up(s, lock, At::kWaitOn);
          },
          true);
      return true;
    case At::kSilenceLeaderBell:
      step("silences the leader's bell", [this](State& s) {
        s.leader_bell = false;
        self(s).at = is(Mutation::kLeaderBellSilencedLate) ? At::kLeaderAsleep : At::kLeaderBack;
      });
      return true;
    case At::kLeaderBack:
      scope("is back as leader", [this](State& s, Locked& lock) {
        s.leader_asleep = false;
        lock.finish(self_);
        if (self().message && s.held && !is(Mutation::kInterestStaysOn)) s.interest = false;
        lead_on(s, lock);
      });
      return true;
    case At::kFollowing:
      if (self().word != Word::kAsleep) stop_following("is called", At::kWaitOn, false);
      if (self().word == Word::kAsleep) stop_following("is woken as follower for nothing", At::kWaitOn, true);
      return true;
    default:
      return false;
  }
}

// Of a thread that blocks on a bell and the Driver: what ended its sleep is one look at both.
void Stepper::sleep_until_woken(bool bell, At silence, At back) {
  const bool message = descriptor_watched();
  if (!bell && !message) return;
  const bool late = is(Mutation::kLeaderBellSilencedLate) && silence == At::kSilenceLeaderBell;
  step(bell ? "hears its bell" : "is woken by a message", [&](State& s) {
    self(s).message = message;
    self(s).at = bell && !late ? silence : back;
  });
}

void Stepper::stop_following(std::string_view name, At next, bool spurious) {
  scope(
      name,
      [&](State& s, Locked& lock) {
        self(s).following = false;
        self(s).word = Word::kAwake;
        spurious ? give_up(s, lock, next) : wait_on(s, lock);
      },
      spurious);
}

void Stepper::take() {
  const auto with = [this](std::string_view name, At handler, const auto& note) {
    scope(name, [&](State& s, Locked& lock) {
      lock.take(self_);
      note(s);
      give_up(s, lock, handler);
    });
  };
  const auto nothing = [](State&) {};
  if (is_dismissed(model_, from_, self_)) {
    return scope("is dismissed", [this](State& s, Locked& lock) {
      lock.finish(self_);
      give_up(s, lock, At::kWait);
    });
  }
  if (!has_call(model_, from_, self_)) return with("comes for nothing", wait(), nothing);
  with("takes a call", At::kHandler, nothing);
  if (from_.nested_to_come > 0) {
    with("takes a call whose handler calls", At::kTakeForCall, [](State& s) { add(s.nested_to_come, -1); });
  }
  if (from_.slow_to_come == 0) return;
  with("takes a slow call", At::kSlowHandler, [](State& s) { add(s.slow_to_come, -1); });
  with("takes a call of a method known as slow", At::kSlowHandler, [this](State& s) {
    add(s.slow_to_come, -1);
    self(s).left_alone = true;
  });
}

}  // namespace ipcbridge::worker_model
