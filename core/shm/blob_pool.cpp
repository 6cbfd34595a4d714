#include "core/shm/blob_pool.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "core/base/fork.hpp"
#include "core/base/lending.hpp"
#include "core/base/per_process.hpp"

namespace ipcbridge::shm {
namespace {

// More than any machine has.
constexpr std::size_t kMaxBlobBytes = std::size_t{1} << 46U;

// A segment costs a descriptor for a moment, a mapping on both sides and a message, so small blobs share them; the more
// of them there are, the larger.
constexpr std::size_t kMinSegmentBytes = 256UL * 1024;
constexpr std::size_t kMaxSharedSegmentBytes = 8UL * 1024 * 1024;

// What the other side has just read is in the cache of its processor, and slow to write to: 64 KiB take 7 us there, and
// 2 us after as many other bytes as that cache holds, which are still in the cache of all processors. So memory is used
// in turn, in rounds of this size (measured: 2 MiB are too few, 16 MiB too many).
constexpr std::size_t kRoundBytes = 4UL * 1024 * 1024;

struct ProcessPool {
  std::shared_ptr<BlobPool> pool =
      std::make_shared<BlobPool>(System::real(), std::numeric_limits<std::uint64_t>::max());
};

}  // namespace

// What lies in a segment of this process.
class BlobPool::SegmentBlob : public Blob {
 public:
  SegmentBlob(std::shared_ptr<BlobPool> pool, Place place, std::size_t size)
      : Blob({place.segment->mapping.data() + place.offset, size}), pool_(std::move(pool)), place_(std::move(place)) {}

  virtual bool may_be_passed() const { return true; }

  BlobPool& pool() const { return *pool_; }
  const Place& place() const { return place_; }

 protected:
  // In a forked child the lock may be held for ever, and the memory is the parent's.
  bool is_forked() const { return generation_ != fork_guard::generation(); }

 private:
  std::uint32_t generation_ = fork_guard::generation();
  std::shared_ptr<BlobPool> pool_;
  Place place_;
};

class BlobPool::PooledBlob final : public SegmentBlob {
 public:
  using SegmentBlob::SegmentBlob;
  ~PooledBlob() override {
    if (!is_forked()) pool().free(place().segment, place().offset, whole_pages(size()));
  }

  bool is_in_cache() const override { return place().before + place().offset + size() <= kRoundBytes; }
};

class BlobPool::SealableBlob final : public SegmentBlob {
 public:
  using SegmentBlob::SegmentBlob;
  ~SealableBlob() override {
    if (is_forked()) return;
    const std::lock_guard lock(pool().mutex_);
    pool().blobs_.erase(data());
  }

  bool is_in_cache() const override { return false; }
  bool is_writable() const override { return is_writable_; }
  bool seal() override {
    is_writable_ = false;
    is_sealed_ = seal_contents(place().segment->mapping, place().segment->memory.get()).ok();
    return is_sealed_;
  }
  bool may_be_passed() const override { return is_sealed_; }

 private:
  bool is_writable_ = true;
  bool is_sealed_ = false;
};

BlobPool& BlobPool::of_process() {
  static PerProcess<ProcessPool> pool;
  return *pool.get().pool;
}

Result<BlobRef> BlobPool::allocate(std::size_t size) {
  if (size > std::min<std::uint64_t>(max_bytes_, kMaxBlobBytes)) return BlobRef();  // whatever is released
  const std::size_t bytes = whole_pages(std::max<std::size_t>(size, 1));
  const std::lock_guard lock(mutex_);
  if (closed_) return BlobRef();
  if (bytes > max_bytes_ - used_) {
    return keeps_too_much(used_, max_bytes_);
  }
  Place place = find_place(bytes);
  if (!place.segment) return BlobRef();
  BlobSegment& segment = *place.segment;
  segment.free.take(place.offset, bytes);
  segment.free_since = kNever;
  used_ += bytes;
  const std::size_t offset = place.offset;
  try {
    std::weak_ptr<Blob>& known = blobs_[segment.mapping.data() + offset];
    const BlobRef blob = std::make_shared<PooledBlob>(shared_from_this(), std::move(place), size);
    known = blob;
    return blob;
  } catch (const std::bad_alloc&) {
    give(segment, offset, bytes);
    throw;
  }
}

BlobPool::Place BlobPool::find_place(std::size_t bytes) {
  Place place = next_place(bytes);
  const bool grows = !place.segment && total_ < kRoundBytes;
  if (grows) place = make_place(bytes);
  if (!place.segment && next_ != 0) {
    next_ = 0;
    place = next_place(bytes);
  }
  if (!place.segment && !grows) place = make_place(bytes);
  if (!place.segment) return place;
  const std::size_t end = place.before + place.offset + bytes;
  next_ = end < kRoundBytes ? end : 0;
  return place;
}

BlobPool::Place BlobPool::next_place(std::size_t bytes) {
  std::size_t before = 0;
  for (const std::shared_ptr<BlobSegment>& segment : segments_) {
    const std::size_t size = segment->mapping.size();
    const bool is_over = segment->is_claimed && segment->audience.expired();
    if (!is_over && !segment->is_retired && next_ < before + size) {
      const std::size_t from = next_ > before ? next_ - before : 0;
      if (const auto offset = segment->free.first_fit(from, bytes)) return {segment, *offset, before};
    }
    before += size;
  }
  return {};
}

BlobPool::Place BlobPool::make_place(std::size_t bytes) {
  const std::size_t before = total_;
  const std::size_t usual = std::clamp<std::size_t>(before, kMinSegmentBytes, kMaxSharedSegmentBytes);
  Result<std::shared_ptr<BlobSegment>> made = make_segment(std::max(bytes, usual));
  if (!made.ok()) return {};
  segments_.push_back(made.value());
  total_ += made.value()->mapping.size();
  return {std::move(made).value(), 0, before};
}

Result<std::shared_ptr<BlobSegment>> BlobPool::make_segment(std::size_t size) {
  Result<std::shared_ptr<BlobSegment>> made = make_unsealed(size);
  if (!made.ok()) return made;
  if (Status status = seal(made.value()->memory.get()); !status.ok()) return status.error();
  return made;
}

Result<std::shared_ptr<BlobSegment>> BlobPool::make_unsealed(std::size_t size) {
  Result<Fd> memory = make_memory(system_, size);
  if (!memory.ok()) return memory.error();
  Result<Mapping> mapping = map_memory(system_, memory.value().get(), size, Access::kReadWrite);
  if (!mapping.ok()) return mapping.error();
  touch(mapping.value().data(), size);
  return std::make_shared<BlobSegment>(
      BlobSegment{std::move(mapping).value(), std::move(memory).value(), PageRanges(size), kNever, is_owned_, owner_});
}

BlobRef BlobPool::allocate_sealable(std::size_t size) {
  if (size > kMaxBlobBytes) return nullptr;
  Result<std::shared_ptr<BlobSegment>> made = make_unsealed(whole_pages(std::max<std::size_t>(size, 1)));
  if (!made.ok()) return nullptr;
  made.value()->is_of_one_value = true;
  const std::lock_guard lock(mutex_);
  std::weak_ptr<Blob>& known = blobs_[made.value()->mapping.data()];
  const BlobRef blob = std::make_shared<SealableBlob>(shared_from_this(), Place{std::move(made).value(), 0, 0}, size);
  known = blob;
  return blob;
}

void BlobPool::free(const std::shared_ptr<BlobSegment>& segment, std::size_t offset, std::size_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  give(*segment, offset, bytes);
}

void BlobPool::give(BlobSegment& segment, std::size_t offset, std::size_t bytes) noexcept {
  used_ -= bytes;
  blobs_.erase(segment.mapping.data() + offset);
  try {
    segment.free.give(offset, bytes);
  } catch (const std::bad_alloc&) {  // they are lost until the segment is
    return;
  }
  if (segment.free.all_free()) segment.free_since = system_.now();
}

bool BlobPool::may_see(const BlobSegment& segment, const Audience& audience) {
  return !segment.is_claimed || segment.audience.expired() || segment.audience.lock() == audience;
}

BlobPool::Location BlobPool::claim(const Attachment& part, const Audience& audience) {
  const auto* blob = dynamic_cast<const SegmentBlob*>(part.memory.get());
  if (blob == nullptr || !blob->may_be_passed()) return {};
  BlobSegment& segment = *blob->place().segment;
  const std::lock_guard lock(blob->pool().mutex_);
  if (segment.is_claimed && segment.audience.lock() != audience) return {};
  segment.is_claimed = true;
  segment.audience = audience;
  return {blob->place().segment, blob->place().offset + static_cast<std::size_t>(part.bytes.data() - blob->data())};
}

void BlobPool::close() noexcept {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

Attachment BlobPool::find(ConstBytes bytes) const {
  BlobRef blob;  // let go, if it is, behind the lock
  const std::lock_guard lock(mutex_);
  const auto behind = blobs_.upper_bound(bytes.data());
  if (behind == blobs_.begin()) return {};
  blob = std::prev(behind)->second.lock();
  if (!blob || bytes.data() + bytes.size() > blob->data() + blob->size()) return {};
  const auto offset = static_cast<std::size_t>(bytes.data() - blob->data());
  return {blob, blob->bytes().subspan(offset, bytes.size())};
}

void BlobPool::retire(const BlobSegment& segment) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(segments_.begin(), segments_.end(), [&](const auto& each) { return each.get() == &segment; });
  if (found != segments_.end()) (*found)->is_retired = true;
}

std::vector<std::shared_ptr<BlobSegment>> BlobPool::trim(TimePoint since, const Audience& audience) {
  std::vector<std::shared_ptr<BlobSegment>> dropped;
  const std::lock_guard lock(mutex_);
  const auto kept = std::partition(segments_.begin(), segments_.end(), [&](const auto& segment) {
    return segment->free_since > since || !may_see(*segment, audience);
  });
  dropped.assign(kept, segments_.end());
  segments_.erase(kept, segments_.end());
  for (const auto& segment : dropped) total_ -= segment->mapping.size();
  next_ = 0;
  return dropped;
}

bool BlobPool::has_free_segments() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(segments_.begin(), segments_.end(),
                     [](const auto& segment) { return segment->free_since != kNever; });
}

}  // namespace ipcbridge::shm
