#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/base/clock.hpp"

namespace ipcbridge {

// What it costs to be woken, and for each connection to tell its peer to ring and then not to, of which the peer takes
// note. Whoever spins for as long and then sleeps after all has spent at most twice what the sleep alone costs.
inline constexpr Duration kWakeCost = std::chrono::microseconds(50);
inline constexpr Duration kArmCost = std::chrono::nanoseconds(200);

// Decides how long to spin before sleeping. After a miss only every second, fourth, ... 64th wait spins, as a probe; a
// catch makes every wait spin again.
class AdaptiveSpin {
 public:
  explicit AdaptiveSpin(bool enabled) : enabled_(enabled) {}

  // `awake`: how many connections fall asleep with this wait.
  Duration budget(std::size_t awake) {
    if (!enabled_) return Duration::zero();
    if (skip_ > 0) {
      --skip_;
      return Duration::zero();
    }
    return kWakeCost + awake * kArmCost;
  }

  void caught() {
    misses_ = 0;
    skip_ = 0;
  }

  void missed() {
    // Some grace before the first skip: one slow call among fast ones says nothing.
    constexpr std::uint32_t kGrace = 4;
    constexpr std::uint32_t kMostDoublings = 6;
    if (misses_ < kGrace + kMostDoublings) ++misses_;
    skip_ = misses_ <= kGrace ? 0 : (1U << (misses_ - kGrace)) - 1;
  }

 private:
  bool enabled_;
  std::uint32_t misses_ = 0;
  std::uint32_t skip_ = 0;
};

}  // namespace ipcbridge
