#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "core/base/clock.hpp"
#include "core/endpoint/pump.hpp"

namespace ipcbridge {

// The requests of one server that wait for a worker, and what its workers are doing. Used under the pump's lock.
//
// Time is counted in ticks of the pump's thread, because two looks at a clock cost as much as a fast handler.
class WorkQueue {
 public:
  using Tick = std::uint64_t;

  // A handler that is seen running by this many ticks no longer counts as fast: somebody else takes the
  // reading. It has then run for more than one tick and less than two.
  static constexpr Tick kFastTicks = 2;

  std::uint32_t add_worker();
  void remove_worker(std::uint32_t worker);

  void push(Work work) { waiting_.push_back(std::move(work)); }
  bool empty() const { return waiting_.empty(); }
  // False when there is none. The worker now runs what it was given.
  bool pop(Work& work, Tick now);
  // The worker is done with what it ran.
  void finish(std::uint32_t worker, Tick now);

  // Marks a waiting request; it is then popped by pop_cancelled() only.
  void cancel(const RequestKey& key);
  std::optional<RequestKey> pop_cancelled();

  bool is_slow(std::uint32_t method) const;

  // Whether some worker runs a handler, and whether all of those have been running for too long.
  bool any_running() const { return running_ > 0; }
  bool all_stuck(TimePoint now) const;
  // Whether some worker has been running a handler for a short while only.
  bool has_just_begun(TimePoint now) const;
  Pump::Busy busy(TimePoint now) const;

  bool stopping = false;

 private:
  struct Worker {
    bool exists = false;
    bool running = false;
    std::uint32_t method = 0;
    Tick since = 0;

    bool stuck(Tick now) const { return running && now - since >= kFastTicks; }
  };

  std::deque<Work> waiting_;
  std::vector<RequestKey> cancelled_;
  std::vector<Worker> workers_;
  std::uint32_t running_ = 0;
  // Of each method how slow it has been: up by four when it was, down by one when it was not.
  std::vector<std::uint8_t> slowness_;
};

}  // namespace ipcbridge
