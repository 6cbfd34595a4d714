#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>

#include "core/base/clock.hpp"
#include "core/base/system.hpp"

namespace ipcbridge {

// Asked while a thread waits, at least once a second and soon after each signal: true ends the wait with `cancelled`.
// It may take long and may call. Runs without any lock of ours and without the reader token.
using Interrupted = std::function<bool()>;

// When one wait asks whether it was interrupted: whenever nothing else has ended its sleep, which may have been a
// signal, and in every slice of time besides, because messages may keep it from sleeping for ever. A signal that comes
// just before a sleep does not end it, so no sleep is without end.
class InterruptCheck {
 public:
  InterruptCheck(System& system, const Interrupted& interrupted) : system_(system), interrupted_(interrupted) {}

  // Until when to sleep at most.
  TimePoint limit(TimePoint deadline) {
    if (!interrupted_) return deadline;
    const TimePoint now = system_.now();
    if (next_ == TimePoint{}) next_ = now + kSlice;
    return std::min(deadline, now + kLongestSleep);
  }

  bool is_due_after_sleep(bool woken) const { return interrupted_ && (!woken || system_.now() >= next_); }

  // After messages that were found without sleeping.
  bool is_due_after_messages() {
    constexpr std::uint32_t kRoundsPerClock = 256;
    if (!interrupted_ || ++rounds_ % kRoundsPerClock != 0) return false;
    return system_.now() >= next_;
  }

  // When it is due. True when interrupted.
  bool ask() {
    next_ = system_.now() + kSlice;
    return interrupted_();
  }

 private:
  static constexpr Duration kSlice = std::chrono::milliseconds(100);
  static constexpr Duration kLongestSleep = std::chrono::seconds(1);

  System& system_;
  const Interrupted& interrupted_;
  TimePoint next_{};
  std::uint32_t rounds_ = 0;
};

}  // namespace ipcbridge
