#pragma once

#include "core/workers/answer_place.hpp"
#include "core/workers/blocking_driver_impl.hpp"

namespace ipcbridge {

// What a thread waits for, on its own stack.
struct BlockingDriver::Impl::Wait : AnswerPlace {
  explicit Wait(bool for_condition = false) : AnswerPlace(false), waiter(for_condition) {}

  Waiter waiter;
  CallResult* result = nullptr;  // of a call, whose token is this one's address
  // Streams of the result, for which there was no memory.
  struct {
    std::uint64_t connection = 0;
    StreamRange streams;
  } lost;
  Done done;  // of a condition
  TimePoint deadline = kNever;
  bool is_back_soon = false;   // its thread, which waits for one submitted call after the other
  std::uint32_t observed = 0;  // how many events there had been when it looked

  bool is_over() { return waiter.is_done() || (done && done()); }
};

}  // namespace ipcbridge
