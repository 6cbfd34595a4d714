#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/base/clock.hpp"

namespace ipcbridge::shm {

// What a side has been doing for long, so that its peer can look although it gets no answer.
struct Activity {
  std::uint32_t method = 0;  // the number of the service's method
  TimePoint since;

  friend bool operator==(const Activity&, const Activity&) = default;
};

// One word, so that a reader cannot see halves of two: the method's number + 1 in the upper 16 bits, the time of the
// machine's monotonic clock in microseconds in the lower 48 (nine years). Zero: nothing to tell.
inline constexpr unsigned kSinceBits = 48;

// The last of 65,536 methods has no number here, and is not told.
constexpr std::uint64_t pack_activity(const std::optional<Activity>& activity) {
  if (!activity || activity->method >= 0xffffU) return 0;
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(activity->since.time_since_epoch()).count();
  return (std::uint64_t{activity->method} + 1) << kSinceBits | static_cast<std::uint64_t>(since);
}

// `word` is the reader's copy. Nonsense (nothing can have begun after `now`) says nothing; whether the method exists is
// for those to judge who know the methods.
constexpr std::optional<Activity> unpack_activity(std::uint64_t word, TimePoint now) {
  const std::uint64_t number = word >> kSinceBits;
  const std::chrono::microseconds since(word & ((1ULL << kSinceBits) - 1));
  if (number == 0 || TimePoint(since) > now) return std::nullopt;
  return Activity{static_cast<std::uint32_t>(number - 1), TimePoint(since)};
}

}  // namespace ipcbridge::shm
