#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/base/blob.hpp"
#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"
#include "core/shm/memory.hpp"
#include "core/shm/page_ranges.hpp"

namespace ipcbridge::shm {

// Sealed memory that this side writes, and that those see to whom its descriptor is passed.
struct BlobSegment {
  Mapping mapping;
  Fd memory;
  PageRanges free;
  TimePoint free_since = kNever;  // of all of it
};

// Memory for large values of one audience: what those who see its segments may all see, and nobody else ever does. What
// is freed is used again, because fresh pages cost more than to copy into them. Any thread.
class BlobPool : public std::enable_shared_from_this<BlobPool> {
 public:
  // `max_bytes`: of blobs that somebody has.
  BlobPool(System& system, std::uint64_t max_bytes) : system_(system), max_bytes_(max_bytes) {}
  BlobPool(const BlobPool&) = delete;
  BlobPool& operator=(const BlobPool&) = delete;

  // Not filled: what it shows, the audience has seen. resource_exhausted at the limit; null where the system has no
  // memory, for what is larger than the limit, and once it is closed.
  Result<BlobRef> allocate(std::size_t size);

  // The audience may go on looking at what it has, and nobody hears any more when it has finished: nothing is used
  // again.
  void close() noexcept;

  // Where in which segment this lies; null when it is not of this pool.
  struct Location {
    std::shared_ptr<BlobSegment> segment;
    std::uint64_t offset = 0;
  };
  Location locate(const Attachment& part) const;

  // Gives up the segments that have been free since then, and tells which.
  std::vector<std::shared_ptr<BlobSegment>> trim(TimePoint since);
  bool has_free_segments() const;

 private:
  class PooledBlob;

  Result<std::shared_ptr<BlobSegment>> make_segment(std::size_t size);
  std::shared_ptr<BlobSegment> find_room(std::size_t bytes, std::size_t& range) const;
  void free(const std::shared_ptr<BlobSegment>& segment, std::size_t offset, std::size_t bytes) noexcept;
  void give(BlobSegment& segment, std::size_t offset, std::size_t bytes) noexcept;

  System& system_;
  const std::uint64_t max_bytes_;
  mutable std::mutex mutex_;
  bool closed_ = false;
  std::uint64_t used_ = 0;
  std::uint64_t total_ = 0;  // of the segments
  std::vector<std::shared_ptr<BlobSegment>> segments_;
};

}  // namespace ipcbridge::shm
