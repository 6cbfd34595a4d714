#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
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

// The connection that may see a segment. It has it for as long as it lives.
using Audience = std::shared_ptr<const void>;

// Sealed memory that this side writes, and that one connection sees, to which its descriptor is passed.
struct BlobSegment {
  Mapping mapping;
  Fd memory;
  PageRanges free;
  TimePoint free_since = kNever;  // of all of it
  bool is_claimed = false;
  std::weak_ptr<const void> audience;  // of one that is claimed
  bool is_of_one_value = false;        // and goes with it
  bool is_retired = false;             // nothing more is put there
};

// Memory for large values. What is freed is used again, because fresh pages cost more than to copy into them; but only
// for whoever has seen what was in it, so that nothing of one peer is ever seen by another. A segment is claimed by the
// connection that it is passed to first. Any thread.
//
// Each connection has a pool of its own. One pool is the process's: whoever fills its blobs in place says later whom
// they are sent to.
class BlobPool : public std::enable_shared_from_this<BlobPool> {
 public:
  // `max_bytes`: of blobs that somebody has. `owner`: the connection whose pool it is; without one each segment is
  // claimed by itself.
  BlobPool(System& system, std::uint64_t max_bytes, const Audience& owner = nullptr)
      : system_(system), max_bytes_(max_bytes), is_owned_(owner != nullptr), owner_(owner) {}
  BlobPool(const BlobPool&) = delete;
  BlobPool& operator=(const BlobPool&) = delete;

  // The process's, of which no blob counts against a limit. A forked child has another.
  static BlobPool& of_process();

  // Not filled: what it shows, the audience has seen. resource_exhausted at the limit; null where the system has no
  // memory, for what is larger than the limit, and once it is closed.
  Result<BlobRef> allocate(std::size_t size);

  // The audience may go on looking at what it has, and nobody hears any more when it has finished: nothing is used
  // again.
  void close() noexcept;

  // Where in which segment this lies; null when it is in none of a pool, or in one that another connection has claimed.
  // This one has claimed it now.
  struct Location {
    std::shared_ptr<BlobSegment> segment;
    std::uint64_t offset = 0;
  };
  static Location claim(const Attachment& part, const Audience& audience);

  // The part of a blob of this pool that these bytes are; empty when they are in none. For who is given bytes of what
  // allocate() has given.
  Attachment find(ConstBytes bytes) const;

  // A blob of its own segment, which can be sealed when it has been filled; find() finds it, too. Of the process's
  // pool. Null where the system has no memory.
  BlobRef allocate_sealable(std::size_t size);

  // Puts nothing more into this segment, if it is one of this pool. What lies there stays.
  void retire(const BlobSegment& segment) noexcept;

  // Gives up the segments that have been free since then and that only this connection has seen, or nobody who lives,
  // and tells which.
  std::vector<std::shared_ptr<BlobSegment>> trim(TimePoint since, const Audience& audience);
  bool has_free_segments() const;

 private:
  class SegmentBlob;
  class PooledBlob;
  class SealableBlob;

  Result<std::shared_ptr<BlobSegment>> make_segment(std::size_t size);
  Result<std::shared_ptr<BlobSegment>> make_unsealed(std::size_t size);
  static bool may_see(const BlobSegment& segment, const Audience& audience);
  // Pages that are free; without a segment where there are none.
  struct Place {
    std::shared_ptr<BlobSegment> segment;
    std::size_t offset = 0;
    std::size_t before = 0;  // bytes of the pool that lie before the segment
  };
  Place find_place(std::size_t bytes);
  Place next_place(std::size_t bytes);
  Place make_place(std::size_t bytes);
  void free(const std::shared_ptr<BlobSegment>& segment, std::size_t offset, std::size_t bytes) noexcept;
  void give(BlobSegment& segment, std::size_t offset, std::size_t bytes) noexcept;

  System& system_;
  const std::uint64_t max_bytes_;
  const bool is_owned_;
  const std::weak_ptr<const void> owner_;
  mutable std::mutex mutex_;
  bool closed_ = false;
  std::uint64_t used_ = 0;
  std::uint64_t total_ = 0;  // of the segments
  std::vector<std::shared_ptr<BlobSegment>> segments_;
  std::size_t next_ = 0;                                   // where the next blob is looked for from, in all of them
  std::map<const std::byte*, std::weak_ptr<Blob>> blobs_;  // by where they begin
};

}  // namespace ipcbridge::shm
