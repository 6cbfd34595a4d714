#include "tests/core/workers/worker_model.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "tests/core/workers/worker_model_lock.hpp"

namespace ipcbridge::worker_model {
namespace {

constexpr model::Actor kWorld = kThreads + 1;

void add(std::uint8_t& to, int value) { to = static_cast<std::uint8_t>(to + value); }

std::string_view name_of(Id thread) {
  constexpr std::array<std::string_view, kThreads> kNames = {"the caller", "worker 1", "worker 2", "the watchdog"};
  return kNames[thread];
}

bool has_answer(const Thread& thread) { return thread.answer == Answer::kUnread; }

// Whether a turn would find something.
bool has_unread(const State& s) {
  return s.unread_calls[0] + s.unread_calls[1] != 0 || s.unread_event || s.unread_closed ||
         std::any_of(s.threads.begin(), s.threads.end(), has_answer);
}

// Every step that is possible from one state.
class Stepper {
 public:
  Stepper(const Model& model, const State& from) : model_(model), from_(from) { steps_.reserve(16); }

  std::vector<Step> run() {
    for (Id thread = 0; thread < kThreads; ++thread) {
      self_ = thread;
      run_thread();
    }
    run_world();
    return std::move(steps_);
  }

 private:
  bool is(Mutation mutation) const { return model_.mutation == mutation; }
  const Thread& self() const { return from_.threads[self_]; }
  Thread& self(State& s) const { return s.threads[self_]; }
  bool is_worker() const { return self_ != kCaller && self_ != kWatchdog; }
  bool waits_for_event() const { return self_ == kCaller && model_.caller == Caller::kWaitsForEvent; }
  bool descriptor_watched() const { return from_.readable && from_.interest; }
  // A turn has the Driver's lock from its first message to its end.
  bool driver_is_free() const {
    return std::none_of(from_.threads.begin(), from_.threads.end(),
                        [](const Thread& thread) { return thread.at == At::kTurnGoesOn; });
  }

  template <typename Change>
  void step(std::string_view name, Change&& change, bool spurious = false) {
    steps_.push_back({.to = from_,
                      .name = name,
                      .spurious = spurious,
                      .actor = static_cast<model::Actor>(self_ + 1),
                      .who = name_of(self_)});
    change(steps_.back().to);
  }
  // By whom the others wait for, and who waits for nobody.
  template <typename Change>
  void world_step(std::string_view name, Change&& change) {
    steps_.push_back({.to = from_, .name = name, .actor = kWorld, .who = "the world"});
    change(steps_.back().to);
  }
  // Under the lock.
  template <typename Change>
  void scope(std::string_view name, Change&& change, bool spurious = false) {
    step(
        name,
        [&](State& s) {
          Locked lock(model_, s);
          change(s, lock);
        },
        spurious);
  }
  void go(std::string_view name, At to, bool spurious = false) {
    step(
        name, [&](State& s) { go_on(s, to); }, spurious);
  }

  void run_thread() {
    if (run_reader() || run_caller() || run_worker()) return;
    run_watchdog();
  }

  // ---- whoever has the token

  bool run_reader() {
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
      case At::kSettle:
        scope("settles what it has read", [this](State& s, Locked& lock) {
          lock.settle();
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
          if (!is(Mutation::kSettleForgotten)) lock.settle();
          go_on(s, std::exchange(self(s).then, At::kGone));
        });
        return true;
      default:
        return false;
    }
  }

  // What a thread does next, where this depends on what has happened; `to` otherwise.
  void go_on(State& s, At to) {
    Thread& thread = self(s);
    switch (to) {
      case At::kReadForCalls:
        return thread.message ? turn(s, At::kTurnWithPoll, At::kSpin) : go_on(s, At::kSpin);
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
  void turn(State& s, At how, At after) {
    self(s).at = how;
    self(s).after = after;
  }
  void release_then(State& s, At then) {
    self(s).at = At::kRelease;
    self(s).then = then;
  }

  void begin_turn() {
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
  void read_messages(const Begin& begin) {
    const auto read = [&](std::string_view name, const auto& change) {
      step(name, [&](State& s) {
        begin(s);
        self(s).at = At::kTurnGoesOn;
        change(s);
      });
    };
    if (from_.unread_calls[0] > 0) read("reads a call", [this](State& s) { read_call(s, 0); });
    if (from_.unread_calls[1] > 0) read("reads a call for the other server", [this](State& s) { read_call(s, 1); });
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

  void read_call(State& s, std::size_t server) {
    add(s.unread_calls[server], -1);
    if (server == 0 && s.closed) return;
    Locked(model_, s).push(server);
  }

  void end_turn(State& s) {
    Thread& thread = self(s);
    const bool for_calls = thread.after == At::kSpin || thread.after == At::kLookForCalls;
    if (thread.after == At::kSpin) thread.busy = has_unread(s);
    if (!for_calls && s.unsettled_calls) {
      thread.at = At::kSettle;
    } else {
      go_on(s, std::exchange(thread.after, At::kGone));
    }
  }

  void release() {
    // What it knows of the line may be old.
    if (from_.line[0] != kNobody) go("sees that somebody wants to read", At::kPassOnUnarmed);
    if (!driver_is_free()) return;
    if (has_unread(from_)) {
      step("cannot arm, and reads", [this](State& s) { turn(s, At::kTurnWithPoll, At::kRelease); });
      step("cannot arm, and reads for the last time",
           [this](State& s) { turn(s, At::kTurnWithPoll, At::kPassOnUnarmed); });
    } else {
      step("arms", [this](State& s) { prepare_sleep(s, At::kPassOnArmed); });
    }
  }

  void prepare_sleep(State& s, At next) {
    s.armed = true;
    s.asleep = !is(Mutation::kSleeperNotMarked);
    self(s).at = next;
  }

  // A method of the Driver that sends: the connection's peer does not ring any more.
  void disturb(State& s) const {
    s.armed = false;
    if (!is(Mutation::kDisturbanceUnheard)) wake_consumer(s);
  }
  static void wake_consumer(State& s) {
    if (std::exchange(s.asleep, false)) s.readable = true;
  }

  // ---- callers

  bool run_caller() {
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
          lock.settle();
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

  void try_read(State& s, Locked& lock, At taken, At otherwise) {
    const bool took = lock.try_take(self_);
    lock.settle();
    if (!took) return go_on(s, otherwise);
    self(s).at = At::kSetAwake;
    self(s).after = taken;
  }

  void note_waiting(std::string_view name, bool waits, At next) {
    scope(name, [&](State& s, Locked& lock) {
      self(s).left_alone = waits;
      lock.settle();
      if (next == At::kCallOver && self().reading) {
        release_then(s, next);
      } else {
        go_on(s, next);
      }
    });
  }

  void look() {
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

  void read_a_while() {
    if (!driver_is_free()) return;
    if (!has_unread(from_)) return step("arms", [this](State& s) { prepare_sleep(s, At::kSwitchInterestOff); });
    step("sees a message", [this](State& s) { turn(s, At::kTurn, At::kLook); });
    step("cannot arm", [this](State& s) { turn(s, At::kTurnWithPoll, At::kLook); });
  }

  void line_up() {
    scope("lines up", [this](State& s, Locked& lock) {
      const bool missed = self().missed_event && waits_for_event() && !is(Mutation::kLookerSleepsOnOldNews);
      if (!s.held || missed || self().word == Word::kDone) {
        go_on(s, At::kLook);
      } else {
        self(s).word = Word::kAsleep;
        self(s).at = At::kInLine;
        lock.line_up(self_);
      }
      lock.settle();
    });
  }

  void get_up(std::string_view name, bool spurious) {
    scope(
        name,
        [&](State& s, Locked& lock) {
          lock.leave_line(self_);
          const Word why = spurious && is(Mutation::kPromotionNotNoticed) ? Word::kAwake : self().word;
          if (why != Word::kDone) self(s).word = Word::kAwake;
          lock.settle();
          if (why != Word::kPromoted) return go_on(s, At::kLook);
          self(s).reading = true;
          self(s).at = At::kSetAwake;
          self(s).after = At::kLook;
        },
        spurious);
  }

  // ---- workers

  bool run_worker() {
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
          lock.settle();
          self(s).at = At::kWait;
        });
        return true;
      case At::kEnterClosed:
        scope("stops the workers of a closed server", [this](State& s, Locked& lock) {
          self(s).work = Work::kIdle;
          s.over = true;
          lock.stop();
          lock.settle();
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
        answer("answers, and waits", At::kWait, false);
        answer("answers, and comes for the next", At::kTake, false);
        return true;
      case At::kSlowHandler:
        if (driver_is_free()) answer("answers a slow call at last", At::kWait, true);
        return true;
      case At::kTake:
        take();
        return true;
      case At::kLeave:
        scope("leaves", [this](State& s, Locked& lock) {
          lock.finish(self_);
          self(s).work = Work::kNone;
          lock.erase_if_over();
          lock.settle();
          self(s).at = At::kGone;
        });
        return true;
      default:
        return sleep_idle();
    }
  }

  bool is_closed() const { return from_.closed && model_.server_of(self_) == 0; }

  void enter() {
    if (is(Mutation::kAskBeforeEnter)) {
      if (driver_is_free()) {
        go("asks too early whether its server is closed", is_closed() ? At::kEnterClosed : At::kEnterAfterAll);
      }
      return;
    }
    scope("enters", [this](State& s, Locked& lock) {
      self(s).work = Work::kIdle;
      lock.settle();
      self(s).at = At::kAskClosed;
    });
  }

  void answer(std::string_view name, At next, bool spurious) {
    step(
        name,
        [&](State& s) {
          disturb(s);
          self(s).at = next;
        },
        spurious);
  }

  // The loop of wait_for_call(), with the lock, until it gives it up.
  void wait_on(State& s, Locked& lock) {
    if (lock.is_dismissed(self_)) return give_up(s, lock, At::kLeave);
    if (lock.reserve(self_)) return give_up(s, lock, At::kTake);
    if (lock.has_leader() && !s.held) return read_for_calls(s, lock);
    be_idle(s, lock);
  }

  void give_up(State& s, Locked& lock, At next) {
    lock.settle();
    self(s).at = next;
  }

  void be_idle(State& s, Locked& lock) {
    if (lock.has_leader()) {
      lock.follow(self_);
      return give_up(s, lock, At::kFollowing);
    }
    s.leader = self_;
    self(s).message = false;
    lead_on(s, lock);
  }

  void read_for_calls(State& s, Locked& lock) {
    lock.try_take(self_);
    lock.settle();
    self(s).at = At::kSetAwake;
    self(s).after = At::kReadForCalls;
  }

  void look_for_calls() {
    scope("looks whether there are calls", [this](State& s, Locked& lock) {
      if (lock.has_call(self_)) {
        lock.pass_on(self_, false);
        self(s).busy = true;
        return after_reading(s, lock);
      }
      lock.settle();
      release_then(s, At::kReadDone);
    });
  }

  void after_reading(State& s, Locked& lock) {
    const bool busy = std::exchange(self(s).busy, false);
    const bool called = (lock.has_call(self_) || lock.is_dismissed(self_)) && !is(Mutation::kNoLookAfterReading);
    if (s.leader == self_) {
      if (called) {
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

  void stop_leading(State& s, Locked& lock) {
    lock.stop_leading();
    self(s).message = false;
  }

  // The loop of lead(), with the lock, until it gives it up.
  void lead_on(State& s, Locked& lock) {
    if (lock.has_call(self_) || lock.is_dismissed(self_)) {
      stop_leading(s, lock);
      return wait_on(s, lock);
    }
    s.held ? sleep_as_leader(s, lock) : read_for_calls(s, lock);
  }

  void sleep_as_leader(State& s, Locked& lock) {
    s.leader_asleep = true;
    self(s).message = false;
    give_up(s, lock, is(Mutation::kLeaderBellSilencedLate) ? At::kSilenceLeaderBell : At::kLeaderAsleep);
  }

  bool sleep_idle() {
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
  void sleep_until_woken(bool bell, At silence, At back) {
    const bool message = descriptor_watched();
    if (!bell && !message) return;
    const bool late = is(Mutation::kLeaderBellSilencedLate) && silence == At::kSilenceLeaderBell;
    step(bell ? "hears its bell" : "is woken by a message", [&](State& s) {
      self(s).message = message;
      self(s).at = bell && !late ? silence : back;
    });
  }

  void stop_following(std::string_view name, At next, bool spurious) {
    scope(
        name,
        [&](State& s, Locked& lock) {
          self(s).following = false;
          self(s).word = Word::kAwake;
          spurious ? give_up(s, lock, next) : wait_on(s, lock);
        },
        spurious);
  }

  void take() {
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
    if (!has_call(model_, from_, self_)) return with("comes for nothing", At::kWait, nothing);
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

  // ---- the watchdog

  void run_watchdog() {
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

  void wait_for_time(At next) {
    step("waits for its time", [&](State& s) { self(s).at = next; });
    steps_.back().actor = model::kEnvironment;
  }

  void silence(At next) {
    step("silences its bell", [&](State& s) {
      s.watchdog_bell = false;
      self(s).at = next;
    });
  }

  template <typename Begin>
  void watch(std::string_view name, const Begin& begin) {
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

  void read_as_watchdog(State& s, Locked& lock, bool wanted) {
    lock.fall_asleep(Watching::kReading, wanted);
    if (!lock.try_take(self_)) return give_up(s, lock, At::kWatchDriver);
    lock.settle();
    self(s).at = At::kSetAwake;
    self(s).after = At::kFirstRun;
  }

  void back_from_watch() {
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
      lock.settle();
      self(s).at = At::kSetAwake;
      self(s).after = At::kReadAsWatchdog;
    });
  }

  // ---- the world

  void run_world() {
    for (std::size_t server = 0; server < kServers; ++server) {
      if (from_.calls_to_come[server] == 0) continue;
      world_step("a call arrives", [&](State& s) {
        add(s.calls_to_come[server], -1);
        add(s.unread_calls[server], 1);
        ring(s);
      });
    }
    for (Id thread = 0; thread < kThreads; ++thread) {
      if (from_.threads[thread].answer != Answer::kAsked) continue;
      world_step("an answer arrives", [&](State& s) {
        s.threads[thread].answer = Answer::kUnread;
        ring(s);
      });
      steps_.back().spurious = model_.unanswered && thread != kCaller;
    }
    if (driver_is_free()) call_driver();
    if (from_.stop_to_come && from_.stopper_asked) {
      world_step("stops the workers", [this](State& s) {
        s.stop_to_come = false;
        Locked lock(model_, s);
        lock.stop();
        s.over = s.over || s.stopper_saw_closed;
        lock.erase_if_over();
        lock.settle();
      });
    }
  }

  static void ring(State& s) {
    if (std::exchange(s.armed, false)) s.readable = true;
  }

  void call_driver() {
    if (from_.disturbances_to_come > 0) {
      world_step("a method of the Driver sends", [this](State& s) {
        add(s.disturbances_to_come, -1);
        disturb(s);
      });
    }
    if (from_.event_to_come) {
      world_step("a method of the Driver makes an event", [](State& s) {
        s.event_to_come = false;
        s.unread_event = true;
        wake_consumer(s);
      });
    }
    if (from_.close_to_come) {
      world_step("the server is closed", [](State& s) {
        s.close_to_come = false;
        s.closed = true;
        s.unread_closed = true;
        s.calls_to_come[0] = 0;
        wake_consumer(s);
      });
    }
    if (from_.stop_to_come && !from_.stopper_asked) {
      world_step("whoever stops the workers asks whether the server is closed", [](State& s) {
        s.stopper_asked = true;
        s.stopper_saw_closed = s.closed;
      });
    }
  }

  const Model& model_;
  const State& from_;
  Id self_ = kCaller;
  std::vector<Step> steps_;
};

// Nobody waits for this thread, and it waits for what has not come.
bool rests(const State& s, const Thread& thread) {
  const bool message = s.readable && s.interest;
  switch (thread.at) {
    case At::kGone:
    case At::kSlowHandler:
      return true;
    case At::kInLine:  // of a handler whose call is not answered
    case At::kFollowing:
      return thread.word == Word::kAsleep;
    case At::kBlocked:
      return !s.readable;
    case At::kLeaderAsleep:
      return !s.leader_bell && !message;
    case At::kPause:
      return !s.watchdog_bell && !s.has_timer;
    case At::kWatchDriver:
      return !s.watchdog_bell && !s.has_timer && !message;
    default:
      return false;
  }
}

bool is_idle(const Thread& thread) { return thread.at == At::kFollowing || thread.at == At::kLeaderAsleep; }

}  // namespace

bool is_dismissed(const Model& model, const State& s, Id worker) { return s.stopping && model.server_of(worker) == 0; }

bool has_call(const Model& model, const State& s, Id worker) { return s.queued[model.server_of(worker)] > 0; }

State initial(const Model& model) {
  State s;
  s.calls_to_come = model.calls;
  s.slow_to_come = model.slow;
  s.nested_to_come = model.nested;
  s.disturbances_to_come = model.disturbances;
  s.event_to_come = model.caller == Caller::kWaitsForEvent;
  s.close_to_come = model.stops;
  s.stop_to_come = model.stops;
  if (model.caller == Caller::kCalls) s.threads[kCaller].at = At::kTakeForCall;
  if (model.caller == Caller::kWaitsForEvent) s.threads[kCaller].at = At::kObserve;
  for (Id worker = 0; worker < model.workers; ++worker) {
    // How they enter is of interest only where somebody stops them.
    Thread& thread = s.threads[kFirstWorker + worker];
    thread.at = model.stops ? At::kEnter : At::kWait;
    thread.work = model.stops ? Work::kNone : Work::kIdle;
  }
  s.threads[kWatchdog].at = At::kWatch;
  return s;
}

std::vector<Step> steps(const Model& model, const State& from) { return Stepper(model, from).run(); }

bool is_final(const Model& model, const State& s) {
  const bool world_rests = s.calls_to_come[0] + s.calls_to_come[1] == 0 && s.disturbances_to_come == 0 &&
                           !s.event_to_come && !s.close_to_come && !s.stop_to_come;
  if (!world_rests || has_unread(s) || (s.held && !model.unanswered)) return false;
  if (s.threads[kCaller].at != At::kGone) return false;
  for (const Thread& thread : s.threads) {
    if (!rests(s, thread)) return false;
  }
  for (Id worker = kFirstWorker; worker < kWatchdog; ++worker) {
    if (!is_idle(s.threads[worker])) continue;
    if (has_call(model, s, worker) || (model.stops && model.server_of(worker) == 0)) return false;
  }
  return true;
}

std::string_view fault_of(const State& s) {
  int readers = 0;
  for (const Thread& thread : s.threads) {
    readers += thread.reading || (thread.at == At::kInLine && thread.word == Word::kPromoted) ? 1 : 0;
    const bool looks =
        thread.at == At::kLook || thread.at == At::kReadAWhile || thread.at == At::kSend || thread.at == At::kSpin;
    if (thread.reading && looks && s.asleep) return "who reads is taken to be asleep";
  }
  if (readers > 1) return "two threads read";
  if (readers == 1 && !s.held) return "a thread reads without the token";
  return "";
}

model::Verdict explore(const Model& model) {
  return model::explore(
      initial(model), [&](const State& from) { return steps(model, from); },
      [&](const State& state) { return is_final(model, state); }, fault_of);
}

}  // namespace ipcbridge::worker_model
