#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/bytes.hpp"

namespace ipcbridge {

// How many calls may wait for one another, each made by the handler of the one before: more are a recursion without
// end.
inline constexpr unsigned kMaxNestedCalls = 128;

// The threads that run the handlers of one service: a random number, which no other has in any process. 0: none.
using ThreadPoolId = std::uint64_t;
ThreadPoolId make_thread_pool_id();

// Which threads are blocked until a call is answered, because their handlers have made it, or one that led to it. They
// stand behind the depth at the end of the call's metadata, {…, ":depth": …, ":held": bytes}:
//
//   for each pool: its number (u64), how many of its threads (u8)
//   the depth of the call that was made by the last of them, if nothing but such threads waits for it; else 0 (u8)
//   the number of pools (u8)
//
// Where others than threads wait, too, promises and tasks, a handler may have made a call that it does not wait for.
class HeldThreads {
 public:
  HeldThreads() = default;
  // Those that wait for the call with these metadata, which may be any bytes.
  explicit HeldThreads(ConstBytes metadata);

  bool empty() const { return pools_ == 0; }
  std::uint32_t count(ThreadPoolId pool) const;
  // Whether nothing else waits for the call.
  bool are_all() const { return are_all_; }

  // The same of a call that the handler of that one makes, on a thread of this pool that is blocked until it is
  // answered. `handler_is_awaited`: whoever waits for that call can only go on when its handler has ended.
  void hold(ThreadPoolId pool, bool handler_is_awaited);

  // The value of ":held". Empty where there are none.
  ConstBytes bytes() const { return {bytes_.data(), empty() ? 0 : pools_ * kRecord + 2}; }

 private:
  static constexpr std::size_t kRecord = 9;
  static constexpr std::size_t kMostPools = 28;  // so that the length takes one byte

  std::array<std::byte, kMostPools * kRecord + 2> bytes_{};
  std::size_t pools_ = 0;
  unsigned depth_ = 0;
  bool are_all_ = true;
};

// How many calls wait for a call, if its metadata tell of nothing but that and the threads: most calls of handlers have
// no others.
std::optional<unsigned> depth_alone(ConstBytes metadata);

// Such metadata; the depth is below kMaxNestedCalls.
class NestedMetadata {
 public:
  NestedMetadata(unsigned depth, const HeldThreads& held);
  ConstBytes bytes() const { return {bytes_.data(), size_}; }

 private:
  std::array<std::byte, 288> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace ipcbridge
