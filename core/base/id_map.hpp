#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace ipcbridge {

// A hash map from u64 ids that are handed out in ascending order. Open addressing with linear probing and
// backward-shift deletion (Knuth, TAOCP vol. 3, 6.4, algorithm R): no allocation per entry, no tombstones.
// Ids that ascend fill the table without collisions, so the hash is the id itself, mixed only by a
// multiplication so that ids an attacker picks do not pile up in one place by accident.
template <typename T>
class IdMap {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  T* find(std::uint64_t id) {
    if (size_ == 0) return nullptr;
    for (std::size_t at = home(id);; at = next(at)) {
      if (!slots_[at].used) return nullptr;
      if (slots_[at].id == id) return &slots_[at].value;
    }
  }

  // Makes the next insertion one that needs no memory.
  void reserve_one() {
    if ((size_ + 1) * 2 > slots_.size()) grow();
  }
  // The same of so many.
  void reserve(std::size_t more) {
    while ((size_ + more) * 2 > slots_.size()) grow();
  }

  // The id must not be in the map. References to other entries are invalid afterwards. When it throws, nothing has
  // changed.
  T& insert(std::uint64_t id, T value) {
    reserve_one();
    std::size_t at = home(id);
    while (slots_[at].used) at = next(at);
    slots_[at] = Slot{id, true, std::move(value)};
    ++size_;
    return slots_[at].value;
  }

  bool erase(std::uint64_t id) {
    if (size_ == 0) return false;
    std::size_t at = home(id);
    while (slots_[at].used && slots_[at].id != id) at = next(at);
    if (!slots_[at].used) return false;
    close_gap(at);
    --size_;
    return true;
  }

  // Calls visit(id, value) for each entry, in no order. The map must not change meanwhile.
  template <typename F>
  void for_each(F&& visit) {
    for (Slot& slot : slots_) {
      if (slot.used) visit(slot.id, slot.value);
    }
  }
  template <typename F>
  void for_each(F&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.used) visit(slot.id, slot.value);
    }
  }

  void clear() {
    slots_.clear();
    size_ = 0;
  }

 private:
  struct Slot {
    std::uint64_t id = 0;
    bool used = false;
    T value{};
  };

  static constexpr std::size_t kFirstCapacity = 4;

  std::size_t home(std::uint64_t id) const { return static_cast<std::size_t>((id * 0x9E3779B97F4A7C15ULL) >> shift_); }
  std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }

  [[gnu::noinline]] void grow() {  // so that the question whether to do so stays with whoever inserts
    const std::size_t capacity = slots_.empty() ? kFirstCapacity : slots_.size() * 2;
    std::vector<Slot> old(capacity);
    old.swap(slots_);
    shift_ = 64U - static_cast<unsigned>(std::bit_width(capacity) - 1);
    size_ = 0;
    for (Slot& slot : old) {
      if (slot.used) insert(slot.id, std::move(slot.value));
    }
  }

  void close_gap(std::size_t gap) {
    for (std::size_t at = next(gap); slots_[at].used; at = next(at)) {
      const std::size_t mask = slots_.size() - 1;
      const std::size_t distance_home = (at - home(slots_[at].id)) & mask;
      const std::size_t distance_gap = (at - gap) & mask;
      if (distance_home < distance_gap) continue;
      slots_[gap] = std::move(slots_[at]);
      gap = at;
    }
    slots_[gap] = Slot{};
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
  unsigned shift_ = 64;
};

}  // namespace ipcbridge
