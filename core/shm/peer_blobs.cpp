#include "core/shm/peer_blobs.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "core/base/fork.hpp"
#include "core/base/per_process.hpp"
#include "core/base/recycled_blob.hpp"
#include "core/shm/page_ranges.hpp"
#include "core/shm/pages_in_use.hpp"

namespace ipcbridge::shm {
namespace {

Error nonsense(const std::string& why) { return {Code::kDataLoss, "shared memory " + why}; }

// page_faults() as they were when they were last counted; 0: not yet, or this system does not count them.
std::atomic<std::uint64_t>& counted_faults() {
  static PerProcess<std::atomic<std::uint64_t>> counted;
  return counted.get();
}

}  // namespace

struct PeerBlobs::Segment {
  Mapping mapping;      // in which blobs are seen
  Mapping of_the_peer;  // as it wrote them, where they are writable in the other
  Fd memory;            // where it could not be mapped
  std::uint64_t size = 0;
  bool has_sealed_contents = false;
  PagesInUse written;  // may be, where blobs are writable

  const std::byte* data() const { return of_the_peer.data() != nullptr ? of_the_peer.data() : mapping.data(); }
};

class PeerBlobs::MappedBlob final : public Blob {
 public:
  MappedBlob(std::shared_ptr<Segment> segment, const PartPlace& place, BlobMemory::Receiving receiving)
      : Blob({segment->mapping.data() + place.offset, place.bytes}),
        segment_(std::move(segment)),
        receiving_(std::move(receiving)),
        number_(place.blob) {}
  ~MappedBlob() override {
    // A forked child does not have the mapping, and may have something else there.
    if (generation_ == fork_guard::generation()) give_back();
  }

  void give_back() override {
    if (is_given_back_.exchange(true)) return;
    if (receiving_.copy_on_write) {
      forget_what_was_written();
      segment_->written.leave(offset());
    }
    if (receiving_.returns) receiving_.returns->give_back(receiving_.connection, number_);
  }

  bool is_shared() const override { return !segment_->has_sealed_contents; }
  bool is_writable() const override { return receiving_.copy_on_write; }
  std::shared_ptr<BlobReturns> returns() const override { return receiving_.returns; }

 private:
  // Whoever has the pages next must not find what was written to these.
  void forget_what_was_written() const {
    const std::uint64_t faults = page_faults();
    counted_faults() = faults;
    if (faults == 0 || faults != faults_before_) forget_writes(page(), whole_pages(size() + offset_in_page()));
  }

  std::size_t offset_in_page() const { return reinterpret_cast<std::uintptr_t>(data()) % kPageBytes; }
  std::byte* page() const { return data() - offset_in_page(); }
  std::size_t offset() const { return static_cast<std::size_t>(data() - segment_->mapping.data()); }

  std::uint32_t generation_ = fork_guard::generation();
  std::uint64_t faults_before_ = counted_faults();
  std::shared_ptr<Segment> segment_;
  BlobMemory::Receiving receiving_;
  std::uint64_t number_;
  std::atomic<bool> is_given_back_{false};
};

Status PeerBlobs::add(std::uint32_t number, std::uint64_t size, Fd& memory) {
  if (segments_.size() >= kMaxSegments) return nonsense("in too many segments");
  if (segments_.contains(number)) return nonsense("with a number that is taken");
  if (size == 0 || size % kPageBytes != 0) return nonsense("of a size that is no number of pages");
  if (memory.valid()) {
    const Result<std::uint64_t> sealed = sealed_size(memory.get());
    if (!sealed.ok()) return sealed.error();
    if (sealed.value() != size || !is_present(memory.get(), size)) return nonsense("that is not all there");
  }
  const auto [added, is_new] = segments_.emplace(number, std::make_shared<Segment>());
  Segment& segment = *added->second;
  segment.size = size;
  if (!memory.valid()) return {};
  segment.has_sealed_contents = has_sealed_contents(memory.get());
  try {
    const bool is_writable = in_place_ && receiving_.copy_on_write;
    Mapping& seen = is_writable ? segment.of_the_peer : segment.mapping;
    const Access access = segment.has_sealed_contents ? Access::kReadSealed : Access::kRead;
    if (Result<Mapping> mapping = map_memory(system_, memory.get(), size, access); mapping.ok()) {
      seen = std::move(mapping).value();
    }
    if (seen.data() != nullptr && is_writable) {
      Result<Mapping> writable = map_memory(system_, memory.get(), size, Access::kCopyOnWrite);
      if (writable.ok()) segment.mapping = std::move(writable).value();
    }
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): it is not mapped, and nobody asks why
  }
  segment.memory = std::exchange(memory, Fd());
  if (segment.data() != nullptr) segment.memory.reset();
  return {};
}

void PeerBlobs::decline(const PartPlace& place) const noexcept {
  if (receiving_.returns) receiving_.returns->give_back(receiving_.connection, place.blob);
}

Result<BlobRef> PeerBlobs::open(const PartPlace& place) {
  const auto found = segments_.find(place.segment);
  const bool is_there = found != segments_.end() && place.bytes <= found->second->size &&
                        place.offset <= found->second->size - place.bytes;
  if (!is_there) return nonsense("that was not passed, or beyond its end");
  if (BlobRef mapped = map(found->second, place)) return mapped;
  try {
    Result<BlobRef> copied = copy(*found->second, place);
    decline(place);
    return copied;
  } catch (const std::bad_alloc&) {
    decline(place);
    throw;
  }
}

// Null where it is to be copied.
BlobRef PeerBlobs::map(const std::shared_ptr<Segment>& segment, const PartPlace& place) const {
  if (!in_place_ || segment->mapping.data() == nullptr) return nullptr;
  bool entered = false;
  try {
    // What is sent twice at a time lies in the same pages, and what is written to the one must not be seen in the
    // other.
    if (receiving_.copy_on_write) {
      entered = segment->written.enter(place.offset, place.bytes);
      if (!entered) return nullptr;
    }
    return std::make_shared<MappedBlob>(segment, place, receiving_);
  } catch (const std::bad_alloc&) {
    if (entered) segment->written.leave(place.offset);
    return nullptr;
  }
}

Result<BlobRef> PeerBlobs::copy(const Segment& segment, const PartPlace& place) {
  const bool is_lost = segment.data() == nullptr && !segment.memory.valid();
  if (is_lost) return Error{Code::kResourceExhausted, "no descriptor was left to receive memory with"};
  BlobRef blob = make_recycled_blob(place.bytes);
  if (!blob) return Error{Code::kResourceExhausted, "out of memory"};
  if (segment.data() != nullptr) {
    std::copy_n(segment.data() + place.offset, place.bytes, blob->data());
    return blob;
  }
  if (Status status = read_memory(segment.memory.get(), place.offset, blob->bytes()); !status.ok()) {
    return status.error();
  }
  return blob;
}

}  // namespace ipcbridge::shm
