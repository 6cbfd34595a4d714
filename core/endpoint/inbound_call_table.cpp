#include "core/endpoint/inbound_call_table.hpp"

#include <bit>
#include <cstddef>
#include <random>
#include <utility>

namespace ipcbridge {

std::uint64_t InboundCallTable::random_factor() {
  std::random_device random;
  return (std::uint64_t{random()} << 32U) | random() | 1U;
}

// Multiplicative hashing (Dietzfelbinger et al.: "A reliable randomized algorithm for the closest-pair problem", 1997).
std::size_t InboundCallTable::bucket(const RequestKey& key) const {
  constexpr std::uint64_t kConnectionsApart = 0x9E3779B97F4A7C15ULL;
  return static_cast<std::size_t>(((key.connection * kConnectionsApart + key.id) * factor_) >> shift_);
}

void InboundCallTable::grow() {
  constexpr std::size_t kFirstSlots = 64;
  const std::size_t old_size = slots_.size();
  const std::size_t size = old_size == 0 ? kFirstSlots : old_size * 2;
  std::vector<std::uint32_t> heads(size, kNone);
  slots_.resize(size);
  heads_ = std::move(heads);
  shift_ = 64U - static_cast<unsigned>(std::countr_zero(size));
  for (std::uint32_t slot = 0; slot < old_size; ++slot) {
    std::uint32_t& head = heads_[bucket(slots_[slot].key)];
    slots_[slot].next = head;
    head = slot;
  }
  for (std::size_t slot = size; slot-- > old_size;) {
    slots_[slot].next = free_;
    free_ = static_cast<std::uint32_t>(slot);
  }
}

std::uint32_t InboundCallTable::insert(const RequestKey& key) {
  if (free_ == kNone) grow();
  const std::uint32_t slot = free_;
  free_ = slots_[slot].next;
  std::uint32_t& head = heads_[bucket(key)];
  slots_[slot] = Slot{key, head, true};
  head = slot;
  return slot;
}

std::uint32_t InboundCallTable::find(const RequestKey& key) const {
  if (heads_.empty()) return kNone;
  std::uint32_t slot = heads_[bucket(key)];
  while (slot != kNone && !(slots_[slot].key == key)) slot = slots_[slot].next;
  return slot;
}

bool InboundCallTable::take(std::uint32_t slot, RequestKey& key) {
  if (slot >= slots_.size() || !slots_[slot].used) return false;
  key = slots_[slot].key;
  std::uint32_t* link = &heads_[bucket(key)];
  while (*link != slot) link = &slots_[*link].next;
  *link = slots_[slot].next;
  slots_[slot] = Slot{RequestKey{}, free_, false};
  free_ = slot;
  return true;
}

}  // namespace ipcbridge
