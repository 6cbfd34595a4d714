#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/clock.hpp"
#include "core/base/futex.hpp"

namespace ipcbridge {

// A thread that sleeps until another needs it or has something for it; lives on that thread's stack. One word tells why
// it was woken, and of several who wake it the first one counts.
class Waiter {
 public:
  enum Wake : std::uint32_t {
    kAwake,
    kAsleep,
    kCheckAgain,  // what it waits for may have come true
    kPromoted,    // it is to read
    kDone,        // it has what it waited for; final
  };

  // `for_condition`: it waits for a condition, which any event may have made true.
  explicit Waiter(bool for_condition = false) : for_condition_(for_condition) {}
  bool is_for_condition() const { return for_condition_; }

  // Before it goes where others find it. False when it is done already.
  bool fall_asleep() {
    std::uint32_t before = word_.load(std::memory_order_acquire);
    while (before != kDone && !word_.compare_exchange_weak(before, kAsleep)) {
    }
    return before != kDone;
  }

  // Until woken, until the deadline, or until a signal arrives.
  void sleep(System& system, TimePoint deadline) { futex_wait(system, word_, kAsleep, deadline); }

  // When others do not find it any more. Why it was woken; kAsleep when nobody did.
  Wake get_up() {
    std::uint32_t before = word_.load(std::memory_order_acquire);
    while (before != kDone && !word_.compare_exchange_weak(before, kAwake)) {
    }
    return static_cast<Wake>(before);
  }

  // False when it does not sleep, or somebody has woken it already.
  bool wake(Wake why) {
    std::uint32_t expected = kAsleep;
    if (!word_.compare_exchange_strong(expected, why)) return false;
    futex_wake_one(word_);
    return true;
  }

  // The thread may return, and its stack go, as soon as it sees this: the wake needs only the address.
  void finish() {
    const std::uint32_t before = word_.exchange(kDone, std::memory_order_acq_rel);
    if (before == kAsleep) futex_wake_one(word_);
  }

  bool is_done() const { return word_.load(std::memory_order_acquire) == kDone; }

 private:
  friend class ReaderToken;

  std::atomic<std::uint32_t> word_{kAwake};
  const bool for_condition_;
  // Neighbours in the line for the reader token.
  bool in_line_ = false;
  Waiter* before_ = nullptr;
  Waiter* behind_ = nullptr;
};

}  // namespace ipcbridge
