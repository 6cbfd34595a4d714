#include "tests/core/workers/lent_reading_model.hpp"

#include <string_view>
#include <utility>
#include <vector>

namespace ipcbridge::lent_reading_model {
namespace {

enum class Loop : std::uint8_t { kAsleep, kAwake, kTakesBack, kRead, kCall, kPrepare, kLend };
enum class Thread : std::uint8_t { kAsleep, kLook, kTry, kRead, kSpin, kLeave, kReturn, kRing, kLastLook };
enum class Lock : std::uint8_t { kFree, kThread };
constexpr model::Actor kLoop = 1;
constexpr model::Actor kThread = 2;

struct State {
  Loop loop = Loop::kAwake;
  Thread thread = Thread::kAsleep;
  Lock reading = Lock::kFree;
  bool has_lent = false;
  bool lent = false;
  bool wanted = false;
  bool visiting = false;  // the loop is awake for something else
  std::uint8_t visits = 0;
  bool armed = false;  // a message makes the descriptor readable
  bool readable = false;
  std::uint8_t sent = 0;
  std::uint8_t unread_calls = 0;
  std::uint8_t unread_events = 0;
  std::uint8_t batch = 0;  // events that a thread has read for the loop
  bool is_read = false;
  std::uint8_t queue = 0;
  bool coming = false;
  bool called = false;  // the thread, out of its sleep
  bool found = false;
  std::uint8_t handled = 0;

  bool operator==(const State&) const = default;
};

using Step = model::Step<State>;

void add(std::uint8_t& to, std::uint8_t value) { to = static_cast<std::uint8_t>(to + value); }

class Stepper {
 public:
  Stepper(const Model& model, const State& from) : model_(model), from_(from) {}

  std::vector<Step> run() {
    send();
    step_loop();
    step_thread();
    return std::move(steps_);
  }

 private:
  bool is(Mutation mutation) const { return model_.mutation == mutation; }
  bool has_unread() const { return from_.unread_calls + from_.unread_events > 0; }

  template <typename Change>
  void step(model::Actor actor, std::string_view who, std::string_view name, Change&& change, bool spurious = false) {
    Step next{.to = from_, .name = name, .spurious = spurious, .actor = actor, .who = who};
    change(next.to);
    steps_.push_back(std::move(next));
  }
  template <typename Change>
  void loop(std::string_view name, Change&& change, bool spurious = false) {
    step(kLoop, "the loop", name, std::forward<Change>(change), spurious);
  }
  template <typename Change>
  void thread(std::string_view name, Change&& change) {
    step(kThread, "the thread", name, std::forward<Change>(change));
  }

  void send() {
    if (from_.sent == model_.messages.size()) return;
    step(model::kEnvironment, "a peer", "sends", [this](State& s) {
      add(model_.messages[s.sent] ? s.unread_events : s.unread_calls, 1);
      add(s.sent, 1);
      s.readable = s.readable || s.armed;
    });
  }

  void step_loop() {
    switch (from_.loop) {
      case Loop::kAsleep:
        return sleep_in_selector();
      case Loop::kAwake:
        return loop("wants the reading", [this](State& s) {
          const bool asks = s.has_lent && !is(Mutation::kReadsWithoutTakingBack);
          s.wanted = asks;
          s.loop = asks ? Loop::kTakesBack : after_taking_back(s);
        });
      case Loop::kTakesBack:
        if (from_.reading != Lock::kFree) return;
        return loop("takes the reading back", [](State& s) {
          s.lent = s.has_lent = s.wanted = false;
          s.loop = after_taking_back(s);
        });
      case Loop::kRead:
        return from_.is_read ? take_batch() : read_in_loop();
      case Loop::kCall:
        return loop("calls a thread", [](State& s) {
          if (s.queue > 0 && !s.coming) s.coming = s.called = true;
          s.loop = Loop::kRead;
        });
      case Loop::kPrepare:
        return prepare();
      case Loop::kLend:
        if (from_.reading != Lock::kFree) return;
        return loop("lends the reading", [this](State& s) {
          s.lent = s.has_lent = true;
          s.loop = is(Mutation::kLendsBeforeArming) ? Loop::kPrepare : Loop::kAsleep;
        });
    }
  }

  static Loop after_taking_back(State& s) { return std::exchange(s.visiting, false) ? Loop::kAsleep : Loop::kRead; }

  void sleep_in_selector() {
    if (from_.readable) loop("is woken", [](State& s) { s.loop = Loop::kAwake; });
    if (from_.visits == model_.visits) return;
    loop(
        "has something else to do",
        [](State& s) {
          add(s.visits, 1);
          s.visiting = true;
          s.loop = Loop::kAwake;
        },
        true);
  }

  void take_batch() {
    loop("handles what a thread has read", [](State& s) {
      add(s.handled, std::exchange(s.batch, std::uint8_t{0}));
      s.is_read = false;
      s.loop = Loop::kCall;
    });
  }

  void read_in_loop() {
    loop("reads", [this](State& s) {
      s.armed = s.readable = false;
      add(s.queue, std::exchange(s.unread_calls, std::uint8_t{0}));
      add(s.handled, std::exchange(s.unread_events, std::uint8_t{0}));
      if (has_unread()) {
        s.loop = Loop::kCall;
      } else {
        s.loop = is(Mutation::kLendsBeforeArming) ? Loop::kLend : Loop::kPrepare;
      }
    });
  }

  void prepare() {
    loop("prepares its sleep", [this](State& s) {
      const Loop armed = is(Mutation::kLendsBeforeArming) ? Loop::kAsleep : Loop::kLend;
      s.armed = !has_unread();
      s.loop = has_unread() ? Loop::kAwake : armed;
    });
  }

  void step_thread() {
    switch (from_.thread) {
      case Thread::kAsleep:
        if (!from_.called) return;
        return thread("gets up", [](State& s) {
          s.called = false;
          s.thread = Thread::kLook;
        });
      case Thread::kLook:
        if (from_.queue > 0) return run_call();
        return thread("has nothing to run", [](State& s) {
          s.coming = true;
          s.thread = Thread::kTry;
        });
      case Thread::kTry:
        return thread("asks for the reading", [](State& s) {
          const bool taken = s.lent;
          if (taken) s.reading = Lock::kThread;
          s.armed = s.armed && !taken;
          s.thread = taken ? Thread::kRead : Thread::kLastLook;
        });
      case Thread::kRead:
        return read_in_thread();
      case Thread::kSpin:
        if (has_unread()) thread("sees a message", [](State& s) { s.thread = Thread::kRead; });
        if (!model_.flooded || is_called_away()) thread("spins no more", [](State& s) { s.thread = Thread::kLeave; });
        return;
      case Thread::kLeave:
        return leave();
      case Thread::kReturn:
        return thread("returns the reading", [](State& s) {
          s.lent = false;
          s.is_read = s.batch > 0;
          s.found = true;
          s.thread = Thread::kRing;
        });
      case Thread::kRing:
        return thread("rings for the loop", [this](State& s) {
          const bool silent = s.is_read ? is(Mutation::kReturnsWithoutRinging) : is(Mutation::kGivesUpWithoutRinging);
          s.readable = s.readable || !silent;
          give_up(s);
        });
      case Thread::kLastLook:
        if (from_.queue > 0 && !is(Mutation::kSleepsWithoutLooking)) return run_call();
        return thread("falls asleep", [](State& s) {
          s.coming = false;
          s.thread = Thread::kAsleep;
        });
    }
  }

  bool is_called_away() const {
    return (from_.wanted && !is(Mutation::kReadsOnThoughWanted)) ||
           (from_.queue > 0 && !is(Mutation::kReadsOnThoughCallsWait));
  }

  static void give_up(State& s) {
    s.reading = Lock::kFree;
    s.thread = std::exchange(s.found, false) ? Thread::kLook : Thread::kLastLook;
  }

  void run_call() {
    thread("runs a call", [](State& s) {
      s.coming = false;
      add(s.queue, static_cast<std::uint8_t>(-1));
      add(s.handled, 1);
      s.thread = Thread::kLook;
    });
  }

  void read_in_thread() {
    thread("reads", [this](State& s) {
      s.found = s.found || s.unread_calls > 0;
      s.batch = std::exchange(s.unread_events, std::uint8_t{0});
      add(s.queue, std::exchange(s.unread_calls, std::uint8_t{0}));
      if (s.batch > 0 && !is(Mutation::kReadsOnWithEventsForLoop)) {
        s.thread = Thread::kReturn;
      } else {
        s.thread = s.found ? Thread::kLeave : Thread::kSpin;
      }
    });
  }

  void leave() {
    if (from_.wanted) return thread("sees that the loop wants to read", [](State& s) { s.thread = Thread::kReturn; });
    if (has_unread()) return thread("cannot arm, and reads", [](State& s) { s.thread = Thread::kRead; });
    thread("arms", [this](State& s) {
      s.armed = !is(Mutation::kLeavesUnarmed);
      give_up(s);
    });
  }

  const Model& model_;
  const State& from_;
  std::vector<Step> steps_;
};

bool thread_reads(const State& s) { return s.reading == Lock::kThread; }

std::string_view fault_of(const State& s) {
  const bool loop_reads = s.loop == Loop::kRead || s.loop == Loop::kPrepare;
  return loop_reads && thread_reads(s) ? "two threads read" : "";
}

}  // namespace

model::Verdict explore(const Model& model) {
  const auto steps = [&model](const State& from) { return Stepper(model, from).run(); };
  const auto is_final = [&model](const State& s) {
    const bool rests = s.thread == Thread::kAsleep || (model.flooded && s.thread == Thread::kSpin);
    return s.handled == model.messages.size() && s.loop == Loop::kAsleep && rests;
  };
  return model::explore(State{}, steps, is_final, fault_of);
}

}  // namespace ipcbridge::lent_reading_model
