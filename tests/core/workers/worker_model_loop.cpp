// The steps of the thread of an event loop, which waits for calls in the loop's own selector.
#include <utility>

#include "tests/core/workers/worker_model_stepper.hpp"

namespace ipcbridge::worker_model {

bool Stepper::run_loop() {
  switch (self().at) {
    case At::kLoopWait:
      scope("waits in its loop", [this](State& s, Locked& lock) {
        lock.finish(self_);
        wait_in_loop(s, lock, false);
      });
      return true;
    case At::kLoopLook:
      scope("looks for calls", [this](State& s, Locked& lock) { look(s, lock); });
      return true;
    case At::kLoopLooked:
      scope("is back from its look", [this](State& s, Locked& lock) {
        lock.pass_on(self_, false);
        wait_in_loop(s, lock, true);
      });
      return true;
    case At::kLoopAsleep:
      sleep_in_loop();
      return true;
    case At::kSilenceLoopBell:
      step("silences the loop's bell", [this](State& s) {
        s.loop_bell = false;
        self(s).at = At::kLoopAwake;
      });
      return true;
    case At::kLoopAwake:
      scope("is awake in its loop", [this](State& s, Locked& lock) { wake_in_loop(s, lock); });
      return true;
    case At::kLoopRuns:
      run_what_is_ready();
      return true;
    case At::kLoopBlocked:
      go("is no longer blocked", At::kLoopWait, true);
      return true;
    default:
      return false;
  }
}

// The loop of wait_in_loop(), with the lock, until it gives it up. `returns`: it has other work.
void Stepper::wait_in_loop(State& s, Locked& lock, bool returns) {
  if (lock.reserve(self_)) return give_up(s, lock, At::kTake);
  if (returns) {
    lock.expect_back(self_);
    return give_up(s, lock, At::kLoopRuns);
  }
  if (lock.has_leader() || lock.is_for_thread_to_lead()) {
    lock.follow(self_);
    return give_up(s, lock, At::kLoopAsleep);
  }
  s.leader = self_;
  self(s).message = false;
  lead_in_loop(s, lock);
}

void Stepper::look(State& s, Locked& lock) {
  lock.finish(self_);
  if (lock.has_call(self_) || lock.has_leader() || s.held) return wait_in_loop(s, lock, true);
  lock.expect_back(self_);
  lock.try_take(self_);
  lock.wake_needed();
  self(s).at = At::kSetAwake;
  self(s).after = At::kLoopTurn;
}

void Stepper::lead_in_loop(State& s, Locked& lock) {
  if (lock.has_call(self_) || lock.is_for_thread_to_lead()) {
    stop_leading(s, lock);
    return wait_in_loop(s, lock, false);
  }
  if (s.held) return sleep_as_leader(s, lock);
  lock.try_take(self_);
  lock.wake_needed();
  self(s).at = At::kSetAwake;
  self(s).after = At::kLoopRead;
}

void Stepper::sleep_in_loop() {
  const bool message = descriptor_watched() && !self().following && from_.leader == self_;
  if (from_.loop_bell || message) {
    step(from_.loop_bell ? "hears the loop's bell" : "is woken by a message", [&](State& s) {
      self(s).message = message;
      self(s).at = from_.loop_bell ? At::kSilenceLoopBell : At::kLoopAwake;
    });
  }
  const auto return_to_loop = [this](std::string_view name, bool spurious) {
    step(
        name,
        [this](State& s) {
          self(s).others = true;
          self(s).at = At::kLoopAwake;
        },
        spurious);
  };
  if (from_.loop_work) return_to_loop("is woken by what else is ready", false);
  return_to_loop("is woken by its loop for nothing", true);
}

void Stepper::wake_in_loop(State& s, Locked& lock) {
  const bool others = std::exchange(self(s).others, false);
  if (s.leader != self_) {
    self(s).following = false;
    self(s).word = Word::kAwake;
    return wait_in_loop(s, lock, others);
  }
  s.leader_asleep = false;
  if (self().message && s.held) s.interest = false;
  if (!others) return lead_in_loop(s, lock);
  stop_leading(s, lock);
  wait_in_loop(s, lock, true);
}

void Stepper::run_what_is_ready() {
  const auto then = [this](std::string_view name, At next) {
    step(name, [&](State& s) {
      s.loop_work = false;
      self(s).at = next;
    });
  };
  then("runs what is ready, and waits", At::kLoopWait);
  if (!from_.loop_work) return;
  then("runs what is ready, and looks", At::kLoopLook);
  then("is blocked by what is ready", At::kLoopBlocked);
}

}  // namespace ipcbridge::worker_model
