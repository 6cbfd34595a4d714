#pragma once

#include <atomic>
#include <cstdint>

#include "core/workers/waiter.hpp"

namespace ipcbridge {

// The right to run the Driver, which one thread at a time holds, and the threads that sleep until they get it. Used
// under the lock of the BlockingDriver.
class ReaderToken {
 public:
  bool is_held() const { return held_; }
  bool try_take();

  // To the waiter that has slept longest; where nobody sleeps it is free. `armed`: a message wakes whoever watches the
  // Driver's descriptor.
  void pass_on(bool armed);

  // Nobody holds it, no message wakes anybody, and nobody has been called since.
  bool is_unattended() const { return !held_ && !attended_; }
  // Somebody has been called who will look.
  void note_called() { attended_ = true; }

  void line_up(Waiter& waiter);
  void leave_line(Waiter& waiter);
  // Any thread: whether somebody sleeps who wants it.
  bool is_wanted() const { return waiting_.load(std::memory_order_relaxed) != 0; }

  // An event may have made true what those wait for who wait for a condition.
  void recheck_conditions();

 private:
  void count(int change) {
    waiting_.store(waiting_.load(std::memory_order_relaxed) + static_cast<std::uint32_t>(change),
                   std::memory_order_relaxed);
  }

  bool held_ = false;
  bool attended_ = false;
  // The line hangs together by its waiters: whoever must sleep needs no memory for it.
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  std::atomic<std::uint32_t> waiting_{0};
};

}  // namespace ipcbridge
