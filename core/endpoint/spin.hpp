#pragma once

#include <chrono>
#include <cstdint>

#include "core/base/clock.hpp"

namespace ipcbridge {

inline constexpr Duration kMaxSpin = std::chrono::microseconds(50);

// Decides how long to spin before sleeping. A wake across CPUs costs tens of microseconds, so a spin of at
// most that long costs at most as much again and saves all of it when it catches. After a miss only every
// second, fourth, ... 64th wait spins, as a probe; a catch makes every wait spin again.
class AdaptiveSpin {
 public:
  explicit AdaptiveSpin(bool enabled) : enabled_(enabled) {}

  Duration budget() {
    if (!enabled_) return Duration::zero();
    if (skip_ > 0) {
      --skip_;
      return Duration::zero();
    }
    return kMaxSpin;
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
