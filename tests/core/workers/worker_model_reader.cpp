// The steps of whoever has the token: its turns, how it arms and how it passes the token on.
#include <utility>

#include "tests/core/workers/worker_model_stepper.hpp"

namespace ipcbridge::worker_model {

bool Stepper::run_reader() {
  switch (self().at) {
    case At::kSetAwake:
      step("says that it is awake", [this](State& s) {
        if (!is(Mutation::kReaderNotAwake)) s.asleep = false;
        go_on(s, std::exchange(self(s).after, At::kGone));
      });
      return true;
    case At::kTurnWithPoll:
    case At::kTurn:
      begin_turn();
      return true;
    case At::kTurnGoesOn:
      read_messages([](State&) {});
      step("ends its turn", [this](State& s) { end_turn(s); });
      return true;
    case At::kDebounce:
      scope("settles what it has read", [this](State& s, Locked& lock) {
        lock.wake_needed();
        go_on(s, std::exchange(self(s).after, At::kGone));
      });
      return true;
    case At::kRelease:
      release();
      return true;
    case At::kPassOnArmed:
    case At::kPassOnUnarmed:
      scope("passes the token on", [this](State& s, Locked& lock) {
        lock.pass_on(self_, self().at == At::kPassOnArmed);
        if (!s.held && !is(Mutation::kInterestStaysOff)) s.interest = true;
        if (!is(Mutation::kWakeForgotten)) lock.wake_needed();
        go_on(s, std::exchange(self(s).then, At::kGone));
      });
      return true;
    default:
      return false;
  }
}

// What a thread does next, where this depends on what has happened; `to` otherwise.
void Stepper::go_on(State& s, At to) {
  Thread& thread = self(s);
  switch (to) {
    case At::kReadForCalls:
      return thread.message ? turn(s, At::kTurnWithPoll, At::kSpin) : go_on(s, At::kSpin);
    case At::kLoopRead:
      return turn(s, thread.message ? At::kTurnWithPoll : At::kTurn, At::kSpin);
    case At::kLoopTurn:
      return turn(s, At::kTurn, At::kLoopLooked);
    case At::kReadNoMore:
      return release_then(s, At::kLook);
    case At::kFirstRun:
      thread.then = At::kWatchDriver;
      return turn(s, At::kTurnWithPoll, At::kRelease);
    case At::kReadAsWatchdog:
      return turn(s, At::kTurnWithPoll, At::kReadOn);
    case At::kReadOn:
      if (has_unread(s) && s.line[0] == kNobody) return turn(s, At::kTurnWithPoll, At::kReadOn);
      return release_then(s, At::kWatch);
    case At::kLook:
      thread.at = waits_for_event() ? At::kObserve : At::kLook;
      return;
    case At::kCallOver:
      thread.word = Word::kAwake;
      thread.at = is_worker() ? At::kHandler : At::kGone;
      return;
    default:
      thread.at = to;
  }
}
void Stepper::turn(State& s, At how, At after) {
  self(s).at = how;
  self(s).after = after;
}
void Stepper::release_then(State& s, At then) {
  self(s).at = At::kRelease;
  self(s).then = then;
}

void Stepper::begin_turn() {
  if (!driver_is_free()) return;
  const auto begin = [this](State& s) {
    s.asleep = false;
    s.armed = false;
    if (self().at == At::kTurnWithPoll) s.readable = false;
  };
  if (has_unread(from_)) return read_messages(begin);
  step("finds nothing in its turn", [&](State& s) {
    begin(s);
    end_turn(s);
  });
}

template <typename Begin>
void Stepper::read_messages(const Begin& begin) {
  const auto read = [&](std::string_view name, const auto& change) {
    step(name, [&](State& s) {
      begin(s);
      self(s).at = At::kTurnGoesOn;
      change(s);
    });
  };
  if (from_.unread_calls[0] > 0) read("reads a call", [this](State& s) { read_call(s, 0); });
  if (from_.unread_calls[1] > 0) read("reads a call for the other server", [this](State& s) { read_call(s, 1); });
  if (from_.for_loop && from_.unread_calls[0] > 0) {
    read("reads one more call in a row for threads", [this](State& s) {
      read_call(s, 0);
      s.for_loop = false;
    });
  }
  if (from_.due) {
    read("begins a call that was due", [this](State& s) {
      s.due = false;
      Locked(model_, s).push(0);
    });
  }
  for (Id thread = 0; thread < kThreads; ++thread) {
    if (has_answer(from_.threads[thread])) {
      read(thread == self_ ? "reads its answer" : "reads an answer", [&](State& s) {
        s.threads[thread].answer = Answer::kNone;
        s.threads[thread].word = Word::kDone;
      });
    }
  }
  if (from_.unread_event) {
    read("observes the event", [this](State& s) {
      s.unread_event = false;
      s.event_observed = true;
      Locked(model_, s).tell_observer();
    });
  }
  if (from_.unread_closed) {
    read("hears that the server is closed", [this](State& s) {
      s.unread_closed = false;
      Locked lock(model_, s);
      lock.note_closed();
      lock.tell_observer();
    });
  }
}

void Stepper::read_call(State& s, std::size_t server) const {
  add(s.unread_calls[server], -1);
  if (server == 0 && s.closed) return;
  if (model_.loop && server == 1) s.for_loop = true;
  if (model_.serial && server == 0 && std::exchange(s.serial_busy, true)) {
    add(s.serial_waiting, 1);
    return;
  }
  Locked(model_, s).push(server);
}

void Stepper::end_turn(State& s) {
  Thread& thread = self(s);
  const bool for_calls =
      thread.after == At::kSpin || thread.after == At::kLookForCalls || thread.after == At::kLoopLooked;
  if (thread.after == At::kSpin) thread.busy = has_unread(s);
  if (!for_calls && s.unsettled_calls) {
    thread.at = At::kDebounce;
  } else {
    go_on(s, std::exchange(thread.after, At::kGone));
  }
}

void Stepper::release() {
  // What it knows of the line may be old.
  if (from_.line[0] != kNobody) go("sees that somebody wants to read", At::kPassOnUnarmed);
  if (!driver_is_free()) return;
  if (has_work()) {
    step("cannot arm, and reads", [this](State& s) { turn(s, At::kTurnWithPoll, At::kRelease); });
    step("cannot arm, and reads for the last time",
         [this](State& s) { turn(s, At::kTurnWithPoll, At::kPassOnUnarmed); });
  } else {
    step("arms", [this](State& s) { prepare_sleep(s, At::kPassOnArmed); });
  }
}

bool Stepper::has_work() const {
  State known = from_;
  if (is(Mutation::kDueForgotten)) known.due = false;
  return has_unread(known);
}

void Stepper::prepare_sleep(State& s, At next) {
  s.armed = true;
  s.asleep = !is(Mutation::kSleeperNotMarked);
  self(s).at = next;
}

// A method of the Driver that sends: the connection's peer does not ring any more.
void Stepper::disturb(State& s) const {
  s.armed = false;
  if (!is(Mutation::kDisturbanceUnheard)) wake_consumer(s);
}
void Stepper::wake_consumer(State& s) {
  if (std::exchange(s.asleep, false)) s.readable = true;
}

}  // namespace ipcbridge::worker_model
