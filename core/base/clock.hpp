#pragma once

#include <chrono>
#include <cstdint>

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

// A time from the wire, which may be anything: what no Duration holds is the longest.
inline Duration from_microseconds(std::uint64_t microseconds) {
  constexpr auto kMost = std::chrono::duration_cast<std::chrono::microseconds>(Duration::max()).count();
  if (microseconds > static_cast<std::uint64_t>(kMost)) return Duration::max();
  return std::chrono::microseconds(microseconds);
}

}  // namespace ipcbridge
