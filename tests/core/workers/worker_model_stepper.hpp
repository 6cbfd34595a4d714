#pragma once

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/core/workers/worker_model.hpp"
#include "tests/core/workers/worker_model_lock.hpp"

namespace ipcbridge::worker_model {

constexpr model::Actor kWorld = kThreads + 1;

std::string_view name_of(Id thread);

// Every step that is possible from one state.
class Stepper {
 public:
  Stepper(const Model& model, const State& from) : model_(model), from_(from) { steps_.reserve(16); }

  std::vector<Step> run();

 private:
  bool is(Mutation mutation) const { return model_.mutation == mutation; }
  const Thread& self() const { return from_.threads[self_]; }
  Thread& self(State& s) const { return s.threads[self_]; }
  bool is_worker() const { return self_ != kCaller && self_ != kWatchdog; }
  bool is_loop() const { return worker_model::is_loop(model_, self_); }
  // Where a worker begins to wait.
  At wait() const { return is_loop() ? At::kLoopWait : At::kWait; }
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

  void run_thread();

  // Whoever has the token.
  bool run_reader();
  void go_on(State& s, At to);
  void turn(State& s, At how, At after);
  void release_then(State& s, At then);
  void begin_turn();
  template <typename Begin>
  void read_messages(const Begin& begin);
  void read_call(State& s, std::size_t server) const;
  void end_turn(State& s);
  void release();
  // Of which prepare_sleep() knows.
  bool has_work() const;
  void prepare_sleep(State& s, At next);
  void disturb(State& s) const;
  static void wake_consumer(State& s);

  // Callers, and handlers that call.
  bool run_caller();
  void try_read(State& s, Locked& lock, At taken, At otherwise);
  void note_waiting(std::string_view name, bool waits, At next);
  void look();
  void read_a_while();
  void line_up();
  void get_up(std::string_view name, bool spurious);

  // Workers.
  bool run_worker();
  bool is_closed() const;
  void enter();
  void answer(std::string_view name, At next, bool spurious);
  void begin_next(State& s, At next) const;
  void wait_on(State& s, Locked& lock);
  void give_up(State& s, Locked& lock, At next);
  void be_idle(State& s, Locked& lock);
  void read_for_calls(State& s, Locked& lock);
  void look_for_calls();
  void after_reading(State& s, Locked& lock);
  void stop_leading(State& s, Locked& lock);
  void lead_on(State& s, Locked& lock);
  void sleep_as_leader(State& s, Locked& lock);
  bool sleep_idle();
  void sleep_until_woken(bool bell, At silence, At back);
  void stop_following(std::string_view name, At next, bool spurious);
  void take();

  // The thread of an event loop.
  bool run_loop();
  void wait_in_loop(State& s, Locked& lock, bool returns);
  void look(State& s, Locked& lock);
  void lead_in_loop(State& s, Locked& lock);
  void sleep_in_loop();
  void wake_in_loop(State& s, Locked& lock);
  void run_what_is_ready();

  // The watchdog.
  void run_watchdog();
  void wait_for_time(At next);
  void silence(At next);
  template <typename Begin>
  void watch(std::string_view name, const Begin& begin);
  void read_as_watchdog(State& s, Locked& lock, bool wanted);
  void back_from_watch();

  // The world.
  void run_world();
  static void ring(State& s);
  void call_driver();

  const Model& model_;
  const State& from_;
  Id self_ = kCaller;
  std::vector<Step> steps_;
};

}  // namespace ipcbridge::worker_model
