#pragma once

#include <cstddef>
#include <map>
#include <optional>

namespace ipcbridge::shm {

inline constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t whole_pages(std::size_t bytes) { return (bytes + kPageBytes - 1) & ~(kPageBytes - 1); }

// Which pages of a segment are free, by their offsets in bytes. Neighbours that are free are one range.
class PageRanges {
 public:
  explicit PageRanges(std::size_t size) : size_(size), free_{{0, size}} {}

  // The smallest free range that has so many bytes, which are whole pages; 0 when there is none.
  std::size_t best_fit(std::size_t bytes) const {
    std::size_t best = 0;
    for (const auto& [offset, size] : free_) {
      if (size >= bytes && (best == 0 || size < best)) best = size;
    }
    return best;
  }

  // Of a range of the size that best_fit() gave.
  std::size_t take(std::size_t range, std::size_t bytes) {
    auto found = free_.begin();
    while (found->second != range) ++found;
    const std::size_t offset = found->first;
    auto node = free_.extract(found);
    if (range == bytes) return offset;
    node.key() = offset + bytes;
    node.mapped() = range - bytes;
    free_.insert(std::move(node));
    return offset;
  }

  // Throws std::bad_alloc, and they stay taken then.
  void give(std::size_t offset, std::size_t bytes) {
    auto [range, inserted] = free_.emplace(offset, bytes);
    const auto next = std::next(range);
    if (next != free_.end() && range->first + range->second == next->first) {
      range->second += next->second;
      free_.erase(next);
    }
    if (range == free_.begin()) return;
    const auto before = std::prev(range);
    if (before->first + before->second != range->first) return;
    before->second += range->second;
    free_.erase(range);
  }

  bool all_free() const { return free_.size() == 1 && free_.begin()->second == size_; }

 private:
  std::size_t size_;
  std::map<std::size_t, std::size_t> free_;
};

}  // namespace ipcbridge::shm
