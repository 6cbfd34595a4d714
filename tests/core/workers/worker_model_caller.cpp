// The steps of callers, and handlers that call: how they read for themselves or wait in line.
#include "tests/core/workers/worker_model_stepper.hpp"

namespace ipcbridge::worker_model {

bool Stepper::run_caller() {
  switch (self().at) {
    case At::kTakeForCall:
      scope("asks for the token before its call",
            [this](State& s, Locked& lock) { try_read(s, lock, At::kSend, At::kSend); });
      return true;
    case At::kSend:
      if (!driver_is_free()) return true;
      step("sends its call", [this](State& s) {
        disturb(s);
        self(s).word = Word::kAwake;
        self(s).answer = Answer::kAsked;
        go_on(s, is_worker() ? At::kNoteWaiting : At::kLook);
      });
      return true;
    case At::kNoteWaiting:
      note_waiting("says that its handler waits", true, At::kLook);
      return true;
    case At::kObserve:
      step("loads the number of events", [this](State& s) {
        self(s).missed_event = false;
        self(s).at = At::kLook;
      });
      return true;
    case At::kLook:
      look();
      return true;
    case At::kTryRead:
      scope("asks for the token", [this](State& s, Locked& lock) {
        try_read(s, lock, is(Mutation::kNoSecondLook) ? At::kReadAWhile : At::kLook, At::kLineUp);
      });
      return true;
    case At::kReadAWhile:
      read_a_while();
      return true;
    case At::kSwitchInterestOff:
      scope("switches off the interest of others", [this](State& s, Locked& lock) {
        s.interest = false;
        lock.wake_needed();
        self(s).at = At::kBlocked;
      });
      return true;
    case At::kBlocked:
      if (from_.readable) step("is woken by a message", [this](State& s) { turn(s, At::kTurnWithPoll, At::kLook); });
      step(
          "is woken for nothing", [this](State& s) { turn(s, At::kTurnWithPoll, At::kReadNoMore); }, true);
      return true;
    case At::kLineUp:
      line_up();
      return true;
    case At::kInLine:
      if (self().word != Word::kAsleep) get_up("is woken in line", false);
      if (self().word == Word::kAsleep || is(Mutation::kPromotionNotNoticed))
        get_up("is woken in line for nothing", true);
      return true;
    case At::kNoteOver:
      note_waiting("says that its handler goes on", false, At::kCallOver);
      return true;
    default:
      return false;
  }
}

void Stepper::try_read(State& s, Locked& lock, At taken, At otherwise) {
  const bool took = lock.try_take(self_);
  lock.wake_needed();
  if (!took) return go_on(s, otherwise);
  self(s).at = At::kSetAwake;
  self(s).after = taken;
}

void Stepper::note_waiting(std::string_view name, bool waits, At next) {
  scope(name, [&](State& s, Locked& lock) {
    self(s).left_alone = waits;
    lock.wake_needed();
    if (next == At::kCallOver && self().reading) {
      release_then(s, next);
    } else {
      go_on(s, next);
    }
  });
}

void Stepper::look() {
  const bool over = waits_for_event() ? from_.event_observed : self().word == Word::kDone;
  if (!over) {
    return go("does not find what it waits for", self().reading ? At::kReadAWhile : At::kTryRead);
  }
  step("finds what it waits for", [this](State& s) {
    if (is_worker()) return go_on(s, At::kNoteOver);
    self(s).missed_event = false;
    self().reading ? release_then(s, At::kCallOver) : go_on(s, At::kCallOver);
  });
}

void Stepper::read_a_while() {
  if (!driver_is_free()) return;
  if (!has_work()) return step("arms", [this](State& s) { prepare_sleep(s, At::kSwitchInterestOff); });
  step("sees a message", [this](State& s) { turn(s, At::kTurn, At::kLook); });
  step("cannot arm", [this](State& s) { turn(s, At::kTurnWithPoll, At::kLook); });
}

void Stepper::line_up() {
  scope("lines up", [this](State& s, Locked& lock) {
    const bool missed = self().missed_event && waits_for_event() && !is(Mutation::kLookerSleepsOverAnEvent);
    if (!s.held || missed || self().word == Word::kDone) {
      go_on(s, At::kLook);
    } else {
      self(s).word = Word::kAsleep;
      self(s).at = At::kInLine;
      lock.line_up(self_);
    }
    lock.wake_needed();
  });
}

void Stepper::get_up(std::string_view name, bool spurious) {
  scope(
      name,
      [&](State& s, Locked& lock) {
        lock.leave_line(self_);
        const Word why = spurious && is(Mutation::kPromotionNotNoticed) ? Word::kAwake : self().word;
        if (why != Word::kDone) self(s).word = Word::kAwake;
        lock.wake_needed();
        if (why != Word::kPromoted) return go_on(s, At::kLook);
        self(s).reading = true;
        self(s).at = At::kSetAwake;
        self(s).after = At::kLook;
      },
      spurious);
}

}  // namespace ipcbridge::worker_model
