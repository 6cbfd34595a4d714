#include "core/shm/blob_pool.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "core/base/fork.hpp"

namespace ipcbridge::shm {
namespace {

// A segment costs a descriptor for a moment, a mapping on both sides and a message, so small blobs share them; the more
// of them there are, the larger.
constexpr std::size_t kMinSegmentBytes = 256UL * 1024;
constexpr std::size_t kMaxSharedSegmentBytes = 8UL * 1024 * 1024;

}  // namespace

class BlobPool::PooledBlob final : public Blob {
 public:
  PooledBlob(std::shared_ptr<BlobPool> pool, std::shared_ptr<BlobSegment> segment, std::size_t offset, std::size_t size)
      : Blob({segment->mapping.data() + offset, size}),
        pool_(std::move(pool)),
        segment_(std::move(segment)),
        offset_(offset) {}
  ~PooledBlob() override {
    // In a forked child the lock may be held for ever, and the memory is the parent's.
    if (generation_ == fork_guard::generation()) pool_->free(segment_, offset_, whole_pages(size()));
  }

  const BlobPool* pool() const { return pool_.get(); }
  const std::shared_ptr<BlobSegment>& segment() const { return segment_; }
  std::size_t offset() const { return offset_; }

 private:
  std::uint32_t generation_ = fork_guard::generation();
  std::shared_ptr<BlobPool> pool_;
  std::shared_ptr<BlobSegment> segment_;
  std::size_t offset_;
};

Result<BlobRef> BlobPool::allocate(std::size_t size) {
  if (size > max_bytes_) return BlobRef();  // whatever is released
  const std::size_t bytes = whole_pages(std::max<std::size_t>(size, 1));
  const std::lock_guard lock(mutex_);
  if (closed_) return BlobRef();
  if (used_ + bytes > max_bytes_) {
    return Error{Code::kResourceExhausted, "the other side keeps " + std::to_string(used_) +
                                               " bytes of arrays and large values, and may keep " +
                                               std::to_string(max_bytes_) + ": it is to release some"};
  }
  std::size_t range = 0;
  std::shared_ptr<BlobSegment> segment = find_room(bytes, range);
  if (!segment) {
    const std::size_t usual = std::clamp<std::size_t>(total_, kMinSegmentBytes, kMaxSharedSegmentBytes);
    Result<std::shared_ptr<BlobSegment>> made = make_segment(std::max(bytes, usual));
    if (!made.ok()) return BlobRef();
    segment = std::move(made).value();
    segments_.push_back(segment);
    range = segment->mapping.size();
    total_ += range;
  }
  const std::size_t offset = segment->free.take(range, bytes);
  segment->free_since = kNever;
  used_ += bytes;
  try {
    return BlobRef(std::make_shared<PooledBlob>(shared_from_this(), segment, offset, size));
  } catch (const std::bad_alloc&) {
    give(*segment, offset, bytes);
    throw;
  }
}

// Where the least is left over, so that what is large finds room later.
std::shared_ptr<BlobSegment> BlobPool::find_room(std::size_t bytes, std::size_t& range) const {
  std::shared_ptr<BlobSegment> best;
  for (const std::shared_ptr<BlobSegment>& segment : segments_) {
    const std::size_t found = segment->free.best_fit(bytes);
    if (found == 0 || (best && found >= range)) continue;
    best = segment;
    range = found;
  }
  return best;
}

Result<std::shared_ptr<BlobSegment>> BlobPool::make_segment(std::size_t size) {
  Result<Fd> memory = make_memory(system_, size);
  if (!memory.ok()) return memory.error();
  Result<Mapping> mapping = map_memory(system_, memory.value().get(), size, Access::kReadWrite);
  if (!mapping.ok()) return mapping.error();
  touch(mapping.value().data(), size);
  if (Status status = seal(memory.value().get()); !status.ok()) return status.error();
  return std::make_shared<BlobSegment>(
      BlobSegment{std::move(mapping).value(), std::move(memory).value(), PageRanges(size), kNever});
}

void BlobPool::free(const std::shared_ptr<BlobSegment>& segment, std::size_t offset, std::size_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  give(*segment, offset, bytes);
}

void BlobPool::give(BlobSegment& segment, std::size_t offset, std::size_t bytes) noexcept {
  used_ -= bytes;
  try {
    segment.free.give(offset, bytes);
  } catch (const std::bad_alloc&) {  // they are lost until the segment is
    return;
  }
  if (segment.free.all_free()) segment.free_since = system_.now();
}

BlobPool::Location BlobPool::locate(const Attachment& part) const {
  const auto* blob = dynamic_cast<const PooledBlob*>(part.memory.get());
  if (blob == nullptr || blob->pool() != this) return {};
  return {blob->segment(), blob->offset() + static_cast<std::size_t>(part.bytes.data() - blob->data())};
}

void BlobPool::close() noexcept {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

std::vector<std::shared_ptr<BlobSegment>> BlobPool::trim(TimePoint since) {
  std::vector<std::shared_ptr<BlobSegment>> dropped;
  const std::lock_guard lock(mutex_);
  const auto kept = std::partition(segments_.begin(), segments_.end(),
                                   [since](const auto& segment) { return segment->free_since > since; });
  dropped.assign(kept, segments_.end());
  segments_.erase(kept, segments_.end());
  for (const auto& segment : dropped) total_ -= segment->mapping.size();
  return dropped;
}

bool BlobPool::has_free_segments() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(segments_.begin(), segments_.end(),
                     [](const auto& segment) { return segment->free_since != kNever; });
}

}  // namespace ipcbridge::shm
