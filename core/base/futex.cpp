#include "core/base/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace ipcbridge {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

void futex(const std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* timeout) {
  ::syscall(SYS_futex, reinterpret_cast<const std::uint32_t*>(&word), operation, value, timeout, nullptr,
            FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, TimePoint deadline) {
  if (deadline == kNever) {
    futex(word, FUTEX_WAIT_BITSET_PRIVATE, expected, nullptr);
    return;
  }
  // FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC, which is what steady_clock counts.
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  if (nanoseconds <= 0) return;
  const timespec until{static_cast<time_t>(nanoseconds / 1'000'000'000),
                       static_cast<long>(nanoseconds % 1'000'000'000)};
  futex(word, FUTEX_WAIT_BITSET_PRIVATE, expected, &until);
}

void futex_wake_one(const std::atomic<std::uint32_t>& word) { futex(word, FUTEX_WAKE_PRIVATE, 1, nullptr); }

}  // namespace ipcbridge
