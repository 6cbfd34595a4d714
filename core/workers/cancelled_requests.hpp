#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <unordered_set>

#include "core/endpoint/events.hpp"

namespace ipcbridge {

// The requests that are being handled although their callers wait no longer. Any thread; costs a load while there are
// none.
class CancelledRequests {
 public:
  void add(const RequestKey& key) {
    const std::lock_guard lock(mutex_);
    keys_.insert(key);
    count_.store(keys_.size(), std::memory_order_relaxed);
  }

  bool contains(const RequestKey& key) const {
    if (count_.load(std::memory_order_relaxed) == 0) return false;
    const std::lock_guard lock(mutex_);
    return keys_.contains(key);
  }

  // The request has been answered.
  void remove(const RequestKey& key) {
    if (count_.load(std::memory_order_relaxed) == 0) return;
    const std::lock_guard lock(mutex_);
    keys_.erase(key);
    count_.store(keys_.size(), std::memory_order_relaxed);
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_set<RequestKey, RequestKeyHash> keys_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace ipcbridge
