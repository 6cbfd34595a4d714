#pragma once

#include <cstdint>

#include "core/base/id_map.hpp"

namespace ipcbridge {

// The calls that are under way, or wait to be sent, of each retained reference of the peer's. One that this side gives
// back meanwhile is given back when the last of them is over: a RELEASE may overtake what calls it, and nobody keeps a
// reference for the sake of a notification.
class ReferenceHolds {
 public:
  // Makes the next begin() one that needs no memory.
  void reserve_one() { references_.reserve_one(); }
  void begin(std::uint64_t reference) {
    Called* called = references_.find(reference);
    ++(called != nullptr ? *called : references_.insert(reference, {})).calls;
  }
  // How many times it is to be given back now.
  std::uint64_t end(std::uint64_t reference) {
    Called* called = references_.find(reference);
    if (called == nullptr || --called->calls > 0) return 0;
    const std::uint64_t times = called->released;
    references_.erase(reference);
    return times;
  }
  // False when none is under way: it may be given back at once.
  bool hold(std::uint64_t reference, std::uint64_t times) {
    Called* called = references_.find(reference);
    if (called != nullptr) called->released += times;
    return called != nullptr;
  }

 private:
  struct Called {
    std::uint64_t calls = 0;
    std::uint64_t released = 0;
  };
  IdMap<Called> references_;
};

}  // namespace ipcbridge
