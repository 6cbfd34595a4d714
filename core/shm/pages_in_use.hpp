#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <mutex>

#include "core/shm/page_ranges.hpp"

namespace ipcbridge::shm {

// Which pages of a mapping somebody has for himself. Any thread.
class PagesInUse {
 public:
  // Those with these bytes, at least one: false when somebody has one of them. Throws std::bad_alloc.
  bool enter(std::size_t offset, std::size_t bytes) {
    const std::size_t first = offset / kPageBytes;
    const std::size_t end = whole_pages(offset + std::max<std::size_t>(bytes, 1)) / kPageBytes;
    const std::lock_guard lock(mutex_);
    const auto next = ends_.lower_bound(first);
    if (next != ends_.end() && next->first < end) return false;
    if (next != ends_.begin() && std::prev(next)->second > first) return false;
    ends_.emplace_hint(next, first, end);
    return true;
  }

  void leave(std::size_t offset) noexcept {
    const std::lock_guard lock(mutex_);
    ends_.erase(offset / kPageBytes);
  }

 private:
  std::mutex mutex_;
  std::map<std::size_t, std::size_t> ends_;  // of pages, by the first
};

}  // namespace ipcbridge::shm
