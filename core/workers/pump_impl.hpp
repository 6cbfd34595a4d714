#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/fd.hpp"
#include "core/workers/interrupt_check.hpp"
#include "core/workers/pump.hpp"
#include "core/workers/watch_pace.hpp"
#include "core/workers/work_queue.hpp"

namespace ipcbridge {

// Who reads. At most one thread holds the reader token (reading_) and runs the Driver. In order of rank:
// - waiters, which read their own answers (pump_wait.cpp);
// - one idle worker, the leader (pump_work.cpp); the other idle workers are followers, asleep;
// - the pump's own thread, when there is no idle worker (pump_thread.cpp).
// A waiter blocks on the Driver's descriptor. The leader and the own thread block on the background set,
// which holds that descriptor too; while a waiter blocks, its interest there is switched off, so that a
// message wakes one thread and not two.
//
// Locks: the Driver's before the pump's, because events arrive under the Driver's. So nothing of the Driver
// is called under the pump's lock.
class Pump::Impl final : public EventSink {
 public:
  Impl(std::unique_ptr<Driver> driver, Observer observer);
  ~Impl() override;

  Status start(System& system);
  Driver& driver() { return *driver_; }
  bool forked() const;

  CallResult call(ClientId client, std::uint32_t method, const CallOptions& options, ConstBytes metadata,
                  ConstBytes payload, const Interrupted& interrupted);
  // `look_interval`: for a condition that may come true without an event.
  bool wait_until(const std::function<bool()>& done, TimePoint deadline, const Interrupted& interrupted,
                  Duration look_interval = Duration::max());
  bool next_work(ServerId server, Work& work, const Interrupted& interrupted);
  bool await_work(ServerId server, Work& work, const Interrupted& interrupted);
  void begin_next(ServerId server, const Work& work, std::uint32_t method);
  void leave_work(ServerId server, Work& work);
  bool more_work(ServerId server, Work& work);
  void stop_workers(ServerId server);
  std::uint32_t begin_shift(ServerId server);
  Busy busy(ServerId server);

 private:
  using Lock = std::unique_lock<std::mutex>;

  // A thread that waits for something that a reader finds. Lives on that thread's stack; a call's token is
  // its address.
  struct Waiter {
    enum State : std::uint32_t { kAwake, kAsleep, kPromoted, kDone };
    std::atomic<std::uint32_t> state{kAwake};
    ServerId server = 0;         // of a follower
    CallResult result;           // of a call
    bool looks = false;          // it waits for a condition, which an event may have made true
    std::uint32_t observed = 0;  // how many there had been when it looked
    Duration look_interval = Duration::max();

    bool done() const { return state.load(std::memory_order_acquire) == kDone; }
  };
  using Done = std::function<bool()>;

  // A thread from its first request to its last.
  struct WorkerThread {
    const Impl* pump = nullptr;
    ServerId server = 0;
    std::uint32_t worker = 0;

    bool operator==(const WorkerThread&) const = default;
  };
  static thread_local WorkerThread current_worker;

  // Events, under the Driver's lock (pump.cpp).
  bool has_room() const override { return true; }
  void on_event(const Event& event) override;
  bool take_back(const Event& cancel);
  static void on_outcome(const Event& event);
  void on_request(const Event& event);
  void wake_who_looks();

  // Calls (pump.cpp).
  Status send(ClientId client, std::uint64_t token, std::uint32_t method, CallOptions options, ConstBytes metadata,
              ConstBytes payload, const Interrupted& interrupted);
  void arm_again();

  // The reader token (pump_wait.cpp).
  bool read(bool poll);
  bool turn(bool poll);
  bool try_read();
  void hand_on_or_release(Lock& lock);
  void stop_reading();
  bool descriptor_is_ready() const;
  void set_background_interest(bool on);

  // Waiters (pump_wait.cpp).
  void note_waiting(bool waits);
  bool wait(Waiter& waiter, const Done& done, TimePoint deadline, const Interrupted& interrupted);
  bool read_a_while(InterruptCheck& check, TimePoint deadline);
  bool sleep(Waiter& waiter, TimePoint deadline, InterruptCheck& check, bool& due);

  // Workers (pump_work.cpp), with the lock held.
  template <typename Begin>
  bool wait_for_work(ServerId server, Work& work, const Interrupted& interrupted, Begin begin);
  bool take(ServerId server, WorkQueue& queue, Work& work);
  void be_relieved(ServerId server, const WorkQueue& queue);
  bool promise(WorkQueue& queue, const Work& work);
  void enter(ServerId server, WorkQueue& queue, Work& work, Lock& lock);
  void leave(ServerId server, WorkQueue& queue, Work& work);
  void finish(WorkQueue& queue, const Work& work);
  bool ask(InterruptCheck& check, Lock& lock);
  void wake_deaf_leader();
  bool is_over(ServerId server) const;
  void erase_if_over(ServerId server);
  bool lead(WorkQueue& queue, const Work& work, InterruptCheck& check, Lock& lock);
  bool follow(ServerId server, InterruptCheck& check, Lock& lock);
  bool read_for_work(WorkQueue& queue, bool poll, Lock& lock);
  bool has_just_begun() const;
  bool promote_follower(ServerId server);
  void call_worker(ServerId server);
  void call_workers(const WorkQueue* own = nullptr);

  // The pump's own thread (pump_thread.cpp).
  void run();
  bool must_read() const;
  bool watch();
  bool tick(TimePoint told);
  TimePoint tell_activities(Lock& lock);
  void read_in_background(Lock& lock, TimePoint until);
  void wake_own_thread();
  void nudge_background() const;
  bool wait_in_background(TimePoint until, bool& woken);

  std::unique_ptr<Driver> driver_;
  Observer observer_;
  std::uint32_t generation_;

  std::mutex mutex_;
  bool reading_ = false;
  bool leading_ = false;
  bool background_interest_ = true;
  bool left_unarmed_ = false;     // by who read last
  std::deque<Waiter*> sleepers_;  // waiters, asleep while somebody else reads
  std::atomic<std::uint32_t> sleeper_count_{0};
  std::atomic<std::uint32_t> observed_{0};  // events that the observer was told of
  std::atomic<bool> blocked_{false};        // a waiter that reads is, or is about to be, asleep in the kernel
  std::deque<Waiter*> followers_;
  std::map<ServerId, WorkQueue> queues_;
  std::vector<RequestKey> cancelled_;   // the reader's: requests taken back in this turn, which it answers
  std::uint32_t turns_ = 0;             // the reader's
  std::atomic<bool> unclaimed_{false};  // requests were queued, and no worker has been called yet

  Fd background_;
  Fd nudge_;
  std::thread own_thread_;
  std::atomic<std::uint32_t> own_word_{0};
  bool own_rests_ = false;  // it sleeps, and no tick is to come
  bool own_reading_ = false;
  std::uint64_t taken_ = 0;    // requests given to workers
  WorkQueue::Tick ticks_ = 0;  // of the own thread, while anything runs
  WatchPace pace_;             // the own thread's
  bool stopping_ = false;
};

}  // namespace ipcbridge
