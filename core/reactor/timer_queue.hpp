#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/base/clock.hpp"

namespace ipcbridge {

// Deadlines in order of time. Entries are not removed when they become pointless (most calls end before
// their deadline): whoever is woken looks whether it is still due, and prune() sweeps when the pointless
// ones have become the majority.
class TimerQueue {
 public:
  enum class Kind : std::uint8_t { kCall, kClient, kServer, kHandshake, kBlobMemory };

  struct Timer {
    TimePoint at;
    Kind kind = Kind::kCall;
    std::uint64_t owner = 0;
    std::uint64_t token = 0;
  };

  void add(const Timer& timer);
  TimePoint next() const { return heap_.empty() ? kNever : heap_.front().at; }
  bool pop_due(TimePoint now, Timer& timer);

  // Makes the next add() one that needs no memory.
  void reserve_one() {
    if (heap_.size() == heap_.capacity()) heap_.reserve(std::max(kFirstCapacity, 2 * heap_.size()));
  }

  // Drops entries at the head that are not alive any more, so that next() is a time that matters.
  void drop_dead_head(const std::function<bool(const Timer&)>& is_alive);

  // Drops all entries that are not alive any more, when twice as many have gathered as the last sweep left.
  void prune(const std::function<bool(const Timer&)>& is_alive);

 private:
  static constexpr std::size_t kFirstCapacity = 16;
  static constexpr std::size_t kWorthSweeping = 1024;

  std::vector<Timer> heap_;
  std::size_t sweep_at_ = kWorthSweeping;
};

}  // namespace ipcbridge
