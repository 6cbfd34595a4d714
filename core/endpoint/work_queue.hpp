#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/base/clock.hpp"
#include "core/endpoint/pump.hpp"

namespace ipcbridge {

// The requests of one server that wait for a worker, and what its workers are doing. Used under the pump's lock.
class WorkQueue {
 public:
  // A handler that runs longer than this no longer counts as fast: somebody else takes the reading.
  static constexpr Duration kFast = std::chrono::microseconds(500);

  std::uint32_t add_worker();
  void remove_worker(std::uint32_t worker);

  void push(Work work) { waiting_.push_back(std::move(work)); }
  bool empty() const { return waiting_.empty(); }
  // False when there is none. The worker now runs what it was given.
  bool pop(Work& work, TimePoint now);
  // The worker is done with what it ran.
  void finish(std::uint32_t worker, TimePoint now);

  // Marks a waiting request; it is then popped by pop_cancelled() only.
  void cancel(const RequestKey& key);
  std::optional<RequestKey> pop_cancelled();

  bool is_slow(std::uint32_t method) const;

  // Whether some worker runs a handler, and whether all of those have been running for too long.
  bool any_running() const { return running_ > 0; }
  bool all_stuck(TimePoint now) const;
  Pump::Busy busy(TimePoint now) const;

  bool stopping = false;

 private:
  struct Worker {
    bool exists = false;
    bool running = false;
    std::uint32_t method = 0;
    TimePoint since;
  };

  std::deque<Work> waiting_;
  std::vector<RequestKey> cancelled_;
  std::vector<Worker> workers_;
  std::uint32_t running_ = 0;
  // Of each method a decaying average of how long it ran.
  std::unordered_map<std::uint32_t, Duration> history_;
};

}  // namespace ipcbridge
