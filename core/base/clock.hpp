#pragma once

#include <algorithm>
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

// For poll() and its like: milliseconds, rounded up; -1 for kNever.
inline int poll_timeout(TimePoint deadline) {
  if (deadline == kNever) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
}

}  // namespace ipcbridge
