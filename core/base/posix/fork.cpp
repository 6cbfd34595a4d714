#include "core/base/fork.hpp"

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <span>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"

namespace ipcbridge::fork_guard {
namespace {

// A fork happens to the whole process, so its bookkeeping is the process's too. A bitmap of atomics
// because the child of a threaded process may touch neither locks nor the allocator. Descriptors above
// the limit stay open in the child; 2^20 is the kernel's default ceiling (fs.nr_open).
constexpr std::size_t kMaxFds = 1U << 20U;
constexpr std::size_t kBits = 64;
std::array<std::atomic<std::uint64_t>, kMaxFds / kBits> tracked;
std::atomic<std::uint32_t> forks{0};

std::uint64_t draw() {
  std::uint64_t number = 0;
  if (fill_random(std::as_writable_bytes(std::span(&number, 1)))) return number;
  return static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
}

std::atomic<std::uint64_t> token{draw()};

void in_child() {
  forks.fetch_add(1, std::memory_order_relaxed);
  token.store(draw(), std::memory_order_relaxed);
  for (std::size_t word = 0; word < tracked.size(); ++word) {
    std::uint64_t bits = tracked[word].load(std::memory_order_relaxed);
    if (bits == 0) continue;
    tracked[word].store(0, std::memory_order_relaxed);
    for (std::size_t bit = 0; bit < kBits; ++bit) {
      if (((bits >> bit) & 1U) != 0) ::close(static_cast<int>(word * kBits + bit));
    }
  }
}

const int kInstalled = ::pthread_atfork(nullptr, nullptr, &in_child);

}  // namespace

std::uint32_t generation() { return forks.load(std::memory_order_relaxed); }

std::uint64_t process_token() { return token.load(std::memory_order_relaxed); }

void track(int fd) {
  const auto at = static_cast<std::size_t>(fd);
  if (at < kMaxFds) tracked[at / kBits].fetch_or(std::uint64_t{1} << (at % kBits), std::memory_order_relaxed);
}

void untrack(int fd) {
  const auto at = static_cast<std::size_t>(fd);
  if (at < kMaxFds) tracked[at / kBits].fetch_and(~(std::uint64_t{1} << (at % kBits)), std::memory_order_relaxed);
}

}  // namespace ipcbridge::fork_guard
