#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/endpoint/events.hpp"

namespace ipcbridge {

// Gives every inbound call that waits for its answer a small number, because a RequestKey is too wide for a
// number of JavaScript. A chained hash table over an array of slots: no allocation per call.
class InboundCallTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  std::uint32_t insert(const RequestKey& key);

  // kNone when the call has been answered.
  std::uint32_t find(const RequestKey& key) const;

  // False when the slot is free already.
  bool take(std::uint32_t slot, RequestKey& key);

 private:
  static std::uint64_t random_factor();

  struct Slot {
    RequestKey key;
    std::uint32_t next = kNone;  // in the chain, or among the free slots
    bool used = false;
  };

  std::size_t bucket(const RequestKey& key) const;
  void grow();

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> heads_;  // as many as slots
  std::uint32_t free_ = kNone;
  // Peers choose the ids of their requests; an odd factor that they do not know keeps them from choosing ids that
  // collide.
  std::uint64_t factor_ = random_factor();
  unsigned shift_ = 0;  // leaves as many bits of a product as number the heads
};

}  // namespace ipcbridge
