#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/base/clock.hpp"
#include "core/shm/activity.hpp"
#include "core/workers/pump.hpp"

namespace ipcbridge {

// The requests of one server that wait for a worker, and what its workers are doing. Used under the pump's lock.
//
// Time is counted in ticks of the pump's thread, because two looks at a clock cost as much as a fast handler.
class WorkQueue {
 public:
  using Tick = std::uint64_t;

  // A handler that is seen running by this many ticks no longer counts as fast: somebody else takes the
  // reading.
  static constexpr Tick kFastTicks = 2;

  // From here on the callers are told: long for a person, and seldom enough to write it to a thousand connections.
  static constexpr Duration kTellAfter = std::chrono::milliseconds(50);

  std::uint32_t add_worker();
  void remove_worker(std::uint32_t worker);

  void push(Work work) {
    if (!positions_.empty()) index_back(work.key);
    waiting_.push_back(std::move(work));
  }
  bool empty() const { return waiting_.empty(); }
  // The worker will come and pop a request, unless there is none: then false.
  bool promise(std::uint32_t worker, Tick now);
  // Whether more requests wait than workers are to come.
  bool wants_worker() const;
  // False when there is none. The worker now runs what it was given.
  bool pop(Work& work, Tick now);
  // The worker runs another request instead, which it had from elsewhere.
  void begin_next(std::uint32_t worker, std::uint32_t method, Tick now);
  // The handler that the worker runs waits in a call of its own, or does not any more.
  void set_waiting(std::uint32_t worker, bool waits);
  // The worker is done with what it ran, or came for nothing.
  void finish(std::uint32_t worker, Tick now);

  // Takes back a request that waits; whoever does so answers it. False when it does not wait here.
  bool cancel(const RequestKey& key);

  bool is_slow(std::uint32_t method) const;

  // Whether all workers, or any, have been at a handler or on their way for too long; and whether any has been for a
  // short while only and does not wait: it will soon be back.
  bool all_stuck(Tick now) const;
  bool any_stuck(Tick now) const;
  bool has_just_begun(Tick now) const;

  // Whether a worker is busy that update_activity(told) had no reason to tell of yet.
  bool wants_ticks(TimePoint told) const;

  // To be called with every tick, so that busy() and activity() can tell how long a handler has been running.
  void note_time(TimePoint now);
  Pump::Busy busy(TimePoint now) const;

  // What the callers can see without an answer: the handler that has been running for longest, if that is long. True
  // when it is another than before.
  bool update_activity(TimePoint now);
  const std::optional<shm::Activity>& activity() const { return activity_; }

  bool has_workers() const;

  // Whether the worker that has this is to leave.
  bool dismisses(const Work& work) const { return stopping || work.shift < shift; }

  bool stopping = false;
  std::uint32_t shift = 0;  // workers of earlier ones are to leave
  bool over = false;        // the server is closed for good

 private:
  struct Worker {
    enum State : std::uint8_t { kNone, kIdle, kComing, kRunning };
    State state = kNone;
    std::uint32_t method = 0;
    Tick since = 0;
    TimePoint seen = kNever;  // when a tick saw it busy for the first time
    bool waits = false;       // its handler does, in a call of its own

    bool running() const { return state == kRunning; }
    bool busy() const { return state >= kComing; }
    bool stuck(Tick now) const { return busy() && now - since >= kFastTicks; }
  };

  void set(std::uint32_t worker, const Worker& now);
  void index();
  void index_back(const RequestKey& key);
  void unindex_front();
  void drop_gaps();
  void close_gaps();

  // Never begins with a gap, so that it is empty when nothing waits.
  std::deque<Work> waiting_;
  // Where each request stands, counted from the first since the index was made: only from the first cancellation on
  // until nothing waits, because most queues see none. A cancelled request leaves a gap, a Work without a key.
  std::unordered_map<RequestKey, std::uint64_t, RequestKeyHash> positions_;
  std::uint64_t popped_ = 0;  // since the index was made
  std::size_t gaps_ = 0;
  std::vector<Worker> workers_;
  std::uint32_t busy_ = 0;
  std::optional<shm::Activity> activity_;
  // Of each method how slow it has been: up by four when it was, down by one when it was not.
  std::vector<std::uint8_t> slowness_;
};

}  // namespace ipcbridge
