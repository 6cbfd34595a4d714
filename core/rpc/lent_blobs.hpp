#pragma once

#include <cstdint>
#include <utility>

#include "core/base/blob.hpp"
#include "core/base/id_map.hpp"

namespace ipcbridge {

// What the peer has been told is in shared memory, and has not freed. This table is the only truth about it: nothing
// that counts is in memory that the peer can write. Numbers are never used again.
class LentBlobs {
 public:
  // The number by which the peer frees it. Once for each message that tells of it.
  std::uint64_t lend(Attachment part) {
    const std::size_t size = part.bytes.size();
    lent_.insert(next_, std::move(part));
    bytes_ += size;
    return next_++;
  }

  // The message that tells of it has not been sent.
  void take_back(std::uint64_t number) { free(number); }

  // False when the peer does not have it: it has never had it, or has freed it before.
  bool free(std::uint64_t number) {
    const Attachment* part = lent_.find(number);
    if (part == nullptr) return false;
    bytes_ -= part->bytes.size();
    return lent_.erase(number);
  }

  std::size_t size() const { return lent_.size(); }
  std::uint64_t bytes() const { return bytes_; }
  void clear() {
    lent_.clear();
    bytes_ = 0;
  }

 private:
  IdMap<Attachment> lent_;
  std::uint64_t bytes_ = 0;
  std::uint64_t next_ = 1;
};

}  // namespace ipcbridge
