#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/bell.hpp"
#include "core/base/clock.hpp"
#include "core/shm/activity.hpp"
#include "core/workers/reader_token.hpp"
#include "core/workers/waiter.hpp"
#include "core/workers/watchdog.hpp"
#include "core/workers/work_queue.hpp"

namespace ipcbridge {

// The workers of all servers: the queues that they take from, and who of the idle ones is to do what. One of them, the
// leader, watches the Driver; the others are followers, asleep. Used under the lock of the BlockingDriver.
class WorkerPool {
 public:
  // An idle worker, on its own stack.
  struct Idle {
    Idle(WorkQueue& its_queue, WorkQueue::WorkerId its_number, std::uint32_t its_epoch)
        : queue(its_queue), worker(its_number), epoch(its_epoch) {}

    bool is_dismissed() const { return queue.dismisses(epoch); }
    bool is_loop() const { return bell != nullptr; }

    WorkQueue& queue;
    WorkQueue::WorkerId worker;
    std::uint32_t epoch;
    Waiter waiter;               // of a follower
    const Bell* bell = nullptr;  // of an event loop, which sleeps in its selector, leader or not
    bool asleep = false;         // of the leader: it waits for its bell or a message
  };

  explicit WorkerPool(Bell leader_bell) : leader_bell_(std::move(leader_bell)) {}

  // The queue of the calls that an event loop runs, whatever their server.
  static constexpr ServerId kLoop = 0;

  // Made when first asked for; stays where it is until erase_if_over().
  WorkQueue& queue(ServerId server);
  // Null when there is none.
  WorkQueue* find(ServerId server);
  void erase_if_over(ServerId server);

  // So that it is idle, later, without memory.
  WorkQueue::WorkerId add_worker(WorkQueue& queue);
  void remove_worker(WorkQueue& queue, WorkQueue::WorkerId worker);

  // The event loop goes: threads run its methods, and what waits for it. True with a call for which the threads' queue
  // has no memory: its caller is to be told, and this to be called again.
  bool forget_loop(WorkQueue& loop, WorkQueue::WorkerId worker, InboundCall& unplaced);

  // Every worker of the server, or of its earlier epochs, is to leave after the call that it runs.
  void stop(ServerId server);
  std::uint32_t dismiss(ServerId server);

  // When it throws, nothing has been added.
  void push(InboundCall&& call);
  bool cancel(ServerId server, const RequestKey& key);
  // See CallQueue.
  void end_connection(ServerId server, std::uint64_t connection);
  // The worker is done with what it had.
  void finish(WorkQueue& queue, WorkQueue::WorkerId worker) {
    queue.finish(worker, ticks_);
    stale_activity_ = stale_activity_ || has_activities_;
  }
  // The worker will be back without being called. The watchdog sees to it, and has others called if it does not come.
  void expect_back(WorkQueue& queue, WorkQueue::WorkerId worker) {
    queue.expect(worker, ticks_);
    ++starts_;
  }
  // The worker has answered its call. Until it is back others take what this has brought, if it does not come soon.
  void note_answered(WorkQueue& queue, WorkQueue::WorkerId worker);
  // The worker waits: it is to come for a call, or idle where there is none.
  bool reserve(WorkQueue& queue, WorkQueue::WorkerId worker);
  // Without a call the worker is expected to wait soon.
  bool take(WorkQueue& queue, WorkQueue::WorkerId worker, InboundCall& call);

  bool has_leader() const { return leader_ != nullptr; }
  // While what arrives is for the event loop, its thread is the one to lead: others would have to wake it for each
  // call. So they do not, unless that thread has been kept from coming.
  bool is_for_loop_to_lead();
  // And the loop's thread does not where calls for threads arrive one after the other, if one of these is idle.
  bool is_for_thread_to_lead() const;
  void lead(Idle& self) { leader_ = &self; }
  void stop_leading() { leader_ = nullptr; }
  const Bell& leader_bell() const { return leader_bell_; }

  void follow(Idle& self) { followers_.push_back(&self); }
  void stop_following(Idle& self) { std::erase(followers_, &self); }

  bool has_idle_worker() const { return leader_ != nullptr || !followers_.empty(); }
  // Whether a worker of any server will soon be back, and then read or take what was read.
  bool expects_worker() const;
  // Calls were pushed since the last wake_needed(). Any thread.
  bool has_new_calls() const { return new_calls_.load(std::memory_order_relaxed); }

  // Wakes whoever is needed for what has changed: idle workers for calls that nobody will come for, somebody to read
  // where nobody does, workers that are to leave, the watchdog. Called whenever the lock is given up, so what is usual
  // costs a few comparisons.
  void wake_needed(ReaderToken& token, Watchdog& watchdog) {
    const bool attended = token.is_held() || (leader_ != nullptr && !(leader_->asleep && token.is_unattended()));
    if (calls_ != 0 || dismissals_ || !attended) arrange(token, watchdog);
    watchdog.wake_if_needed(has_idle_worker(), starts_, stale_activity_);
  }

  // For the watchdog. The time has moved on; true when a handler runs that the callers may have to be told of: it has
  // been seen by this tick, and not told of by `told`.
  bool tick(TimePoint now, TimePoint told);
  WorkQueue::Tick now() const { return ticks_; }
  bool any_stuck() const;
  // One whose workers are all held up, which is told once: see WorkQueue::update_saturation(). Null: no more.
  const WorkQueue* next_saturated(TimePoint now);
  TimePoint saturation_due() const;
  // How many calls workers have come for so far.
  std::uint64_t starts() const { return starts_; }
  // One of whose activity the callers are to be told anew. Null: no more.
  const WorkQueue* next_with_new_activity(TimePoint now);

 private:
  void arrange(ReaderToken& token, Watchdog& watchdog);
  bool call_worker(WorkQueue& queue);
  bool call_reader(ReaderToken& token);
  void wake(Idle& follower);
  void wake_leader();
  Idle* find_follower(const WorkQueue& queue) const;
  Idle* find_next_leader() const;
  void wake_dismissed();

  std::vector<std::unique_ptr<WorkQueue>> queues_;  // few, so that a look through them is quick
  std::vector<Idle*> followers_;                    // has room for all workers
  std::size_t workers_ = 0;
  Idle* leader_ = nullptr;
  Bell leader_bell_;
  std::size_t calls_ = 0;  // that wait in all queues
  // How many calls in a row were not for the event loop. It goes on leading through a few of them.
  static constexpr std::uint32_t kThreadCallsInARow = 16;
  std::uint32_t calls_for_threads_ = kThreadCallsInARow;
  bool dismissals_ = false;      // since the last wake_needed()
  bool has_activities_ = false;  // that callers have been told of
  bool stale_activity_ = false;  // a call has ended since, which may be such a one
  WorkQueue::Tick ticks_ = 0;
  std::uint64_t starts_ = 0;
  std::atomic<bool> new_calls_{false};
};

}  // namespace ipcbridge
