#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/endpoint/call_queue.hpp"
#include "core/endpoint/inbound_call.hpp"
#include "core/shm/activity.hpp"
#include "core/workers/method_history.hpp"

namespace ipcbridge {

// How many of a server's workers run a handler, and for how long the slowest has been doing so.
struct WorkerLoad {
  std::uint32_t workers = 0;
  std::uint32_t running = 0;
  std::uint32_t queued = 0;
  std::uint32_t slowest_method = 0;
  Duration slowest = Duration::zero();
};

// The inbound calls of one server that wait for a worker, and what its workers are doing; or those of all servers that
// wait for the thread of an event loop. Used under the lock of the BlockingDriver.
//
// Time is counted in ticks of the watchdog, because two looks at a clock cost as much as a fast handler.
class WorkQueue {
 public:
  using Tick = std::uint64_t;
  using WorkerId = std::uint32_t;

  // A handler that is seen running by this many ticks no longer counts as fast: somebody else is to read.
  static constexpr Tick kFastTicks = 2;

  // From here on the callers are told: long for a person, and seldom enough to write it to a thousand connections.
  static constexpr Duration kTellAfter = std::chrono::milliseconds(50);

  explicit WorkQueue(ServerId server) : server_(server) {}

  ServerId server() const { return server_; }

  // Which methods an event loop runs: by their numbers; others and later ones are for threads.
  void set_loop_methods(std::vector<bool> methods) { loop_methods_ = std::move(methods); }
  bool is_for_loop(std::uint32_t method) const { return method < loop_methods_.size() && loop_methods_[method]; }

  WorkerId add_worker();
  void remove_worker(WorkerId worker);
  bool has_workers() const;

  // See CallQueue.
  void push(InboundCall&& call) { waiting_.push(std::move(call)); }
  bool empty() const { return waiting_.empty(); }
  std::size_t size() const { return waiting_.size(); }
  // Takes back a call that waits; whoever does so answers it. False when it does not wait here.
  bool cancel(const RequestKey& key) { return waiting_.cancel(key); }
  // See CallQueue.
  void end_connection(std::uint64_t connection) { waiting_.end_connection(connection); }

  // The worker is on its way, woken or back from a handler, so it counts as busy.
  void expect(WorkerId worker, Tick now);
  // The worker is here and will come for a call: busy as well. False when there is none: it is idle.
  bool reserve(WorkerId worker, Tick now);
  // False when there is none. The worker now runs what it was given.
  bool pop(WorkerId worker, InboundCall& call, Tick now);
  // The worker has answered the call that it runs, and will be back soon.
  void note_answered(WorkerId worker, Tick now);
  // The handler that the worker runs waits in a call of its own, or does not any more.
  void set_waiting(WorkerId worker, bool waits);
  // The worker is done with what it ran, or came for nothing.
  void finish(WorkerId worker, Tick now);

  bool is_slow(ServerId server, std::uint32_t method) const { return history_.is_slow(server, method); }
  void forget_methods(ServerId server) { history_.forget(server); }

  // Whether more calls wait than workers are to come.
  bool wants_worker() const { return size() > coming_; }
  // Whether a worker will soon be back: it is on its way, has just answered, or runs a handler that has just begun, is
  // not known as slow and does not wait.
  bool expects_worker(Tick now) const;
  // Whether all workers, or any, have been at a handler or on their way for too long.
  bool all_stuck(Tick now) const;
  bool any_stuck(Tick now) const;

  // Whether a worker is busy that update_activity(told) had no reason to tell of yet.
  bool wants_ticks(TimePoint told) const;
  // To be called with every tick, so that load() and activity() can tell how long a handler has been running.
  void note_time(TimePoint now);
  WorkerLoad load(TimePoint now) const;

  // What the callers can see without an answer: of the server's handlers, here and on the event loop, the one that has
  // been running for longest, if that is long. True when it is another than before. `loop`: the queue of the loop's
  // calls; null: there is none.
  bool update_activity(TimePoint now, const WorkQueue* loop = nullptr);
  const std::optional<shm::Activity>& activity() const { return activity_; }

  // Saturated is a server whose workers have all been at handlers for so long, one of them at the same, while calls
  // wait. True once, and again after one of the handlers has ended. To be called with every tick, and when due.
  static constexpr Duration kSaturation = std::chrono::seconds(1);
  bool update_saturation(TimePoint now);
  TimePoint saturation_due() const { return saturation_due_; }

  // Whether a worker of that epoch is to leave.
  bool dismisses(std::uint32_t worker_epoch) const { return stopping || worker_epoch < epoch; }

  bool stopping = false;
  std::uint32_t epoch = 0;  // workers of earlier ones are to leave
  bool over = false;        // the server is closed for good

 private:
  struct Worker {
    enum State : std::uint8_t { kNone, kIdle, kComing, kRunning, kAnswered };
    State state = kNone;
    ServerId server = 0;  // whose method it runs
    std::uint32_t method = 0;
    Tick since = 0;
    TimePoint seen = kNever;  // when a tick saw it busy for the first time
    bool waits = false;       // its handler does, in a call of its own

    bool running() const { return state == kRunning; }
    bool busy() const { return state >= kComing; }
    bool stuck(Tick now) const { return busy() && now - since >= kFastTicks; }
  };

  void set(WorkerId worker, const Worker& now);
  std::optional<shm::Activity> longest_activity(ServerId server, TimePoint now) const;

  ServerId server_;
  std::vector<bool> loop_methods_;
  CallQueue waiting_;
  std::vector<Worker> workers_;
  std::uint32_t busy_ = 0;
  std::uint32_t coming_ = 0;
  std::optional<shm::Activity> activity_;
  TimePoint saturation_due_ = kNever;  // while all workers run
  bool saturation_told_ = false;
  MethodHistory history_;
};

}  // namespace ipcbridge
