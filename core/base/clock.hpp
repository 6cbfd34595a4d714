#pragma once

#include <chrono>

namespace ipcbridge {

// Monotonic: a change of the wall clock moves no deadline.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

inline constexpr TimePoint kNever = TimePoint::max();

// now + timeout without overflow: a timeout of centuries means never.
inline TimePoint deadline_after(TimePoint now, Duration timeout) {
  return timeout >= kNever - now ? kNever : now + timeout;
}

}  // namespace ipcbridge
