#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/endpoint/events.hpp"

namespace ipcbridge {

// Notifications that were read before their connection ended. Nobody waits for them, so nobody has given them up: they
// are still to be run. As many as one connection may have unanswered, or whoever comes and goes could pile them up.
class Orphans {
 public:
  Orphans(std::size_t max_count, std::uint64_t max_bytes) : max_count_(max_count), max_bytes_(max_bytes) {}

  // False when there is no room.
  bool adopt(const RequestKey& request, std::uint64_t bytes) {
    if (requests_.size() >= max_count_ || bytes_ + bytes > max_bytes_) return false;
    requests_.emplace(request, bytes);
    bytes_ += bytes;
    return true;
  }

  // The request has been answered.
  void forget(const RequestKey& request) {
    const auto found = requests_.find(request);
    if (found == requests_.end()) return;
    bytes_ -= found->second;
    requests_.erase(found);
  }

  bool empty() const { return requests_.empty(); }

  // Forgets all of them; gives which they were.
  std::vector<RequestKey> abandon() {
    std::vector<RequestKey> keys;
    keys.reserve(requests_.size());
    for (const auto& [key, bytes] : requests_) keys.push_back(key);
    requests_.clear();
    bytes_ = 0;
    return keys;
  }

 private:
  std::size_t max_count_;
  std::uint64_t max_bytes_;
  std::uint64_t bytes_ = 0;
  std::unordered_map<RequestKey, std::uint64_t, RequestKeyHash> requests_;
};

}  // namespace ipcbridge
