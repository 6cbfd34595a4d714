#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>

namespace ipcbridge::shm {

inline constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t whole_pages(std::size_t bytes) { return (bytes + kPageBytes - 1) & ~(kPageBytes - 1); }

// Which pages of a segment are free, by their offsets in bytes. Neighbours that are free are one range.
class PageRanges {
 public:
  explicit PageRanges(std::size_t size) : size_(size), free_{{0, size}} {}

  // Where so many free bytes, which are whole pages, lie first, not before `from`.
  std::optional<std::size_t> first_fit(std::size_t from, std::size_t bytes) const {
    auto range = free_.upper_bound(from);
    if (range != free_.begin()) --range;
    for (; range != free_.end(); ++range) {
      const std::size_t begin = std::max(range->first, from);
      const std::size_t end = range->first + range->second;
      if (begin < end && bytes <= end - begin) return begin;
    }
    return std::nullopt;
  }

  // Of what first_fit() gave. Throws std::bad_alloc, and they stay free then.
  void take(std::size_t offset, std::size_t bytes) {
    const auto range = std::prev(free_.upper_bound(offset));
    const std::size_t behind = range->first + range->second - (offset + bytes);
    if (behind != 0) free_.emplace(offset + bytes, behind);
    if (range->first == offset) {
      free_.erase(range);
    } else {
      range->second = offset - range->first;
    }
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
