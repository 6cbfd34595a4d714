#pragma once

#include <cstdint>

#include "tests/core/workers/worker_model.hpp"

namespace ipcbridge::worker_model {

// What is done under the lock of the BlockingDriver: ReaderToken, WorkerPool, WorkQueue and Watchdog.
class Locked {
 public:
  Locked(const Model& model, State& state) : model_(model), s_(state) {}

  void wake_needed();

  bool try_take(Id thread);
  void pass_on(Id thread, bool armed);
  void line_up(Id waiter);
  void leave_line(Id waiter);
  void recheck_conditions();
  void tell_observer();

  bool is_dismissed(Id worker) const { return worker_model::is_dismissed(model_, s_, worker); }
  bool has_call(Id worker) const { return worker_model::has_call(model_, s_, worker); }
  void push(std::size_t server);
  void finish(Id worker);
  bool reserve(Id worker);
  bool take(Id worker);
  void expect_back(Id worker);
  void note_answered(Id worker);
  void dismiss();
  void stop();
  void note_closed();
  void erase_if_over();

  bool has_leader() const { return s_.leader != kNobody; }
  bool is_for_loop_to_lead() const;
  bool is_for_thread_to_lead() const;
  void stop_leading();
  void follow(Id worker);
  bool has_idle_worker() const;
  bool expects_worker() const;

  // True when a worker is busy of whom the watchdog wants to see more.
  bool tick();
  bool must_read() const { return !has_idle_worker() && !expects_worker(); }
  void fall_asleep(Watching how, bool has_timer);

 private:
  bool is(Mutation mutation) const { return model_.mutation == mutation; }
  std::size_t server_of(Id worker) const { return model_.server_of(worker); }
  bool is_unattended() const { return !s_.held && !s_.attended; }
  bool has_workers() const;
  bool expects_worker(std::size_t server) const;
  bool wants_worker(std::size_t server) const;
  void expect(Id worker);

  void arrange();
  bool call_worker(std::size_t server);
  bool call_reader();
  Id last_follower(std::size_t server) const;
  Id next_leader() const;
  void wake(Id follower);
  void wake_leader();
  void wake_dismissed();

  void settle_watchdog();
  bool call_watchdog();
  void wake_watchdog();

  const Model& model_;
  State& s_;
};

}  // namespace ipcbridge::worker_model
