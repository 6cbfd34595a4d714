#include "core/base/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace ipcbridge {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

void futex(const std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* timeout) {
  ::syscall(SYS_futex, reinterpret_cast<const std::uint32_t*>(&word), operation, value, timeout, nullptr, 0);
}

}  // namespace

void futex_wait(System& system, const std::atomic<std::uint32_t>& word, std::uint32_t expected, TimePoint deadline) {
  if (deadline == kNever) {
    futex(word, FUTEX_WAIT_PRIVATE, expected, nullptr);
    return;
  }
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - system.now()).count();
  if (left <= 0) return;
  const timespec timeout{static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
  futex(word, FUTEX_WAIT_PRIVATE, expected, &timeout);
}

void futex_wake_one(const std::atomic<std::uint32_t>& word) { futex(word, FUTEX_WAKE_PRIVATE, 1, nullptr); }

}  // namespace ipcbridge
