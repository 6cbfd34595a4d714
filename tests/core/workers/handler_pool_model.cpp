#include "tests/core/workers/handler_pool_model.hpp"

#include <algorithm>
#include <utility>

namespace ipcbridge::handler_pool_model {
namespace {

void add(std::uint8_t& to, int value) { to = static_cast<std::uint8_t>(to + value); }

std::size_t waiting(const State& s) {
  return static_cast<std::size_t>(std::count(s.calls.begin(), s.calls.end(), Call::kWaiting));
}

std::uint8_t first_waiting(const State& s) {
  return static_cast<std::uint8_t>(std::find(s.calls.begin(), s.calls.end(), Call::kWaiting) - s.calls.begin());
}

std::size_t threads_here(const State& s) {
  return static_cast<std::size_t>(
      std::count_if(s.threads.begin(), s.threads.end(), [](const Thread& thread) { return thread.here; }));
}

// What is done under the lock of the pool.
class Pool {
 public:
  Pool(const Model& model, State& state) : model_(model), s_(state) {}

  bool call_thread() {
    call_idle();
    if (is_attended() || threads_here(s_) + s_.starting >= model_.most_threads) return false;
    add(s_.starting, 1);
    add(s_.coming, 1);
    return true;
  }

  void call_idle() {
    if (is_attended()) return;
    const auto idle =
        std::find_if(s_.threads.rbegin(), s_.threads.rend(), [](const Thread& each) { return each.idle; });
    if (idle == s_.threads.rend()) return;
    idle->idle = false;
    set_coming(*idle, true);
    idle->asleep = false;
  }

  // True when nobody will run what waits.
  bool note_not_started() {
    if (s_.starting > 0) {
      add(s_.starting, -1);
      if (!is(Mutation::kFailureNotNoted)) add(s_.coming, -1);
    }
    return threads_here(s_) == 0 && s_.starting == 0 && !is(Mutation::kFailureIgnored);
  }

  void cancel(std::uint8_t call) {
    if (s_.calls[call] == Call::kRunning && !is(Mutation::kRunningTakenBack)) return;
    end(call);
  }

  void end(std::uint8_t call) {
    s_.ended_twice = s_.ended_twice || s_.calls[call] == Call::kEnded;
    s_.calls[call] = Call::kEnded;
  }

  void stop() {
    s_.stopping = true;
    for (std::uint8_t call = 0; call < kCalls && !is(Mutation::kStoppedGivesCalls); ++call) {
      if (s_.calls[call] == Call::kWaiting) end(call);
    }
    if (is(Mutation::kStopWakesNobody)) return;
    for (Thread& thread : s_.threads) thread.asleep = thread.asleep && !thread.idle;
  }

  void enter(Thread& self) {
    self.here = true;
    if (s_.starting == 0 && !is(Mutation::kLateStartCountedTwice)) return;
    if (s_.starting > 0) add(s_.starting, -1);
    self.coming = true;
  }

  void leave(Thread& self) {
    if (!is(Mutation::kLeaverStillComing)) set_coming(self, false);
    self.here = false;
    call_idle();
  }

  void set_coming(Thread& thread, bool coming) {
    if (std::exchange(thread.coming, coming) != coming) add(s_.coming, coming ? 1 : -1);
  }

  void wait_on(Thread& self) {
    self.idle = self.asleep = false;
    if (s_.stopping) {
      self.at = At::kLeave;
    } else if (waiting(s_) > 0) {
      set_coming(self, true);
      self.at = At::kTake;
    } else {
      set_coming(self, false);
      self.at = is(Mutation::kSleepsWithoutLook) || is(Mutation::kAsleepTooLate) ? At::kFallAsleep : At::kAsleep;
      self.idle = !is(Mutation::kSleepsWithoutLook);
      self.asleep = self.at == At::kAsleep;
    }
  }

  bool take(Thread& self) {
    if (!is(Mutation::kStillComing)) set_coming(self, false);
    const std::uint8_t call = first_waiting(s_);
    if (s_.stopping || call == kNoCall) return false;
    s_.calls[call] = Call::kRunning;
    self.call = call;
    return true;
  }

 private:
  bool is(Mutation mutation) const { return model_.mutation == mutation; }
  bool is_attended() const { return waiting(s_) == 0 || s_.coming > 0 || s_.stopping; }

  const Model& model_;
  State& s_;
};

// Every step that is possible from one state.
class Stepper {
 public:
  Stepper(const Model& model, const State& from) : model_(model), from_(from) {}

  std::vector<Step> run() {
    run_loop();
    for (self_ = 0; self_ < kThreads; ++self_) run_thread();
    return std::move(steps_);
  }

 private:
  bool is(Mutation mutation) const { return model_.mutation == mutation; }
  const Thread& self() const { return from_.threads[self_]; }
  At& at(State& s) const { return self_ < kThreads ? s.threads[self_].at : s.loop; }

  template <typename Change>
  void step(std::string_view name, Change&& change, bool spurious = false) {
    constexpr std::array<std::string_view, kThreads + 1> kNames = {"the first thread", "the second thread",
                                                                   "the third thread", "the loop"};
    Step next{.to = from_,
              .name = name,
              .spurious = spurious,
              .actor = static_cast<model::Actor>(self_ + 1),
              .who = kNames[self_]};
    Pool pool(model_, next.to);
    change(next.to, pool);
    steps_.push_back(next);
  }
  // Of a thread of the pool.
  template <typename Change>
  void own_step(std::string_view name, Change&& change, bool spurious = false) {
    step(
        name, [&](State& s, Pool& pool) { change(s.threads[self_], pool); }, spurious);
  }
  void go(std::string_view name, At to, bool spurious = false) {
    step(
        name, [&](State& s, Pool&) { at(s) = to; }, spurious);
  }

  void run_loop() {
    self_ = kThreads;
    switch (from_.loop) {
      case At::kReads:
      case At::kHasRead:
        return read();
      case At::kCallThread:
        return call_thread(At::kReads);
      case At::kStart:
        return start(At::kReads);
      case At::kRefuse:
        return refuse(At::kReads);
      default:
        return;
    }
  }

  void read() {
    if (from_.to_come > 0) {
      step("reads a call", [&](State& s, Pool&) {
        s.calls[model_.calls - s.to_come] = Call::kWaiting;
        add(s.to_come, -1);
        s.loop = At::kHasRead;
      });
    }
    for (std::uint8_t call = 0; call < kCalls && from_.cancels_to_come > 0; ++call) {
      if (from_.calls[call] != Call::kWaiting && from_.calls[call] != Call::kRunning) continue;
      step("reads a cancellation", [&](State& s, Pool& pool) {
        pool.cancel(call);
        add(s.cancels_to_come, -1);
        s.loop = At::kHasRead;
      });
    }
    if (from_.loop == At::kHasRead) go("has read what is there", At::kCallThread);
    if (!from_.stop_to_come) return;
    step("stops the pool", [](State& s, Pool& pool) {
      pool.stop();
      s.stop_to_come = false;
      s.loop = At::kGone;
    });
  }

  void call_thread(At then) {
    step("calls a thread", [&](State& s, Pool& pool) { at(s) = pool.call_thread() ? At::kStart : then; });
  }

  void start(At then) {
    const auto started = [&](State& s) {
      const auto free =
          std::find_if(s.threads.begin(), s.threads.end(), [](const Thread& each) { return each.at == At::kGone; });
      if (free != s.threads.end()) *free = Thread{.at = At::kEnter};
      return free != s.threads.end();
    };
    step("starts a thread", [&](State& s, Pool&) {
      at(s) = then;
      started(s);
    });
    const auto failed = [&](State& s, Pool& pool) {
      add(s.failures_to_come, -1);
      at(s) = pool.note_not_started() ? At::kRefuse : then;
    };
    if (from_.failures_to_come > 0) step("can start no thread", failed);
    if (from_.failures_to_come == 0 || from_.late_to_come == 0) return;
    step("takes the start of a thread for a failure", [&](State& s, Pool& pool) {
      if (!started(s)) return;
      add(s.late_to_come, -1);
      failed(s, pool);
    });
  }

  void refuse(At then) {
    if (waiting(from_) == 0) return go("has refused what waited", then);
    step("refuses a call", [](State& s, Pool& pool) { pool.end(first_waiting(s)); });
  }

  void run_thread() {
    switch (self().at) {
      case At::kEnter:
        return own_step("enters", [](Thread& self, Pool& pool) {
          pool.enter(self);
          self.at = At::kWait;
        });
      case At::kWait:
        own_step("waits", [](Thread& self, Pool& pool) { pool.wait_on(self); });
        if (from_.deaths_to_come == 0) return;
        return step("dies", [this](State& s, Pool&) {
          add(s.deaths_to_come, -1);
          at(s) = At::kLeave;
        });
      case At::kFallAsleep:
        return own_step("falls asleep", [](Thread& self, Pool&) {
          self.idle = self.asleep = true;
          self.at = At::kAsleep;
        });
      case At::kAsleep:
        if (!self().asleep) go("is woken", At::kBack);
        if (self().asleep) go("is woken for nothing", At::kBack, true);
        return;
      case At::kBack:
        return own_step("waits on", [](Thread& self, Pool& pool) { pool.wait_on(self); });
      case At::kTake:
        return take();
      case At::kCallThread:
        return call_thread(At::kHandler);
      case At::kStart:
        return start(afterwards());
      case At::kRefuse:
        return refuse(afterwards());
      case At::kHandler:
        return handle();
      case At::kLeave:
        return own_step("leaves", [this](Thread& self, Pool& pool) {
          pool.leave(self);
          self.at = is(Mutation::kDeadCallsNobody) ? At::kGone : At::kLeft;
        });
      case At::kLeft:
        return call_thread(At::kGone);
      default:
        return;
    }
  }

  // Whoever has taken a call runs it; who has left is gone.
  At afterwards() const { return self().call == kNoCall ? At::kGone : At::kHandler; }

  void take() {
    const At taken = is(Mutation::kNobodyCalledAfter) ? At::kHandler : At::kCallThread;
    own_step("takes a call, if there is one",
             [&](Thread& self, Pool& pool) { self.at = pool.take(self) ? taken : At::kWait; });
    if (from_.deaths_to_come > 0) {
      step("dies", [this](State& s, Pool&) {
        add(s.deaths_to_come, -1);
        at(s) = At::kLeave;
      });
    }
  }

  void handle() {
    own_step("answers", [](Thread& self, Pool& pool) {
      pool.end(std::exchange(self.call, kNoCall));
      self.at = At::kTake;
    });
    if (from_.slow_to_come == 0) return;
    step("is held up by its handler", [this](State& s, Pool&) {
      add(s.slow_to_come, -1);
      at(s) = At::kSlowHandler;
    });
  }

  const Model& model_;
  const State& from_;
  std::size_t self_ = 0;
  std::vector<Step> steps_;
};

State initial(const Model& model) {
  State s;
  s.to_come = model.calls;
  s.slow_to_come = model.slow;
  s.cancels_to_come = model.cancels;
  s.failures_to_come = model.failures;
  s.late_to_come = model.late;
  s.deaths_to_come = model.deaths;
  s.stop_to_come = model.stops;
  return s;
}

bool rests(const Thread& thread) {
  return thread.at == At::kGone || thread.at == At::kSlowHandler || (thread.at == At::kAsleep && thread.asleep);
}

std::size_t slow_threads(const State& s) {
  return static_cast<std::size_t>(std::count_if(s.threads.begin(), s.threads.end(),
                                                [](const Thread& thread) { return thread.at == At::kSlowHandler; }));
}

// All that could be done is done: a call waits only where every thread that there may be, and could be started, is held
// up.
bool is_final(const Model& model, const State& s) {
  if (s.to_come > 0 && !s.stopping) return false;
  if (s.stop_to_come || !std::all_of(s.threads.begin(), s.threads.end(), rests)) return false;
  if (s.loop != At::kReads && s.loop != At::kGone) return false;
  const std::size_t slow = slow_threads(s);
  const std::size_t failures = static_cast<std::size_t>(model.failures - s.failures_to_come);
  if (!s.stopping) return waiting(s) == 0 || (slow > 0 && slow + failures >= model.most_threads);
  return waiting(s) == 0 && std::none_of(s.threads.begin(), s.threads.end(),
                                         [](const Thread& thread) { return thread.at == At::kAsleep; });
}

std::string_view fault_of(const Model& model, const State& s) {
  if (s.ended_twice) return "a call is run or taken back twice";
  if (model.late == 0 && threads_here(s) + s.starting > model.most_threads) return "there are too many threads";
  return "";
}

}  // namespace

std::vector<Step> steps(const Model& model, const State& from) { return Stepper(model, from).run(); }

model::Verdict explore(const Model& model) {
  return model::explore(
      initial(model), [&](const State& from) { return steps(model, from); },
      [&](const State& state) { return is_final(model, state); },
      [&](const State& state) { return fault_of(model, state); });
}

}  // namespace ipcbridge::handler_pool_model
