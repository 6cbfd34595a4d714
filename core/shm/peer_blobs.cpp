#include "core/shm/peer_blobs.hpp"

#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "core/shm/page_ranges.hpp"

namespace ipcbridge::shm {
namespace {

Error nonsense(const std::string& why) { return {Code::kDataLoss, "shared memory " + why}; }

}  // namespace

class PeerBlobs::MappedBlob final : public Blob {
 public:
  MappedBlob(std::shared_ptr<Segment> segment, const PartPlace& place, BlobMemory::Receiving receiving)
      : Blob({segment->mapping.data() + place.offset, place.bytes}),
        segment_(std::move(segment)),
        receiving_(std::move(receiving)),
        number_(place.blob) {}
  ~MappedBlob() override {
    // Whoever has the pages next must not find what was written to these.
    if (receiving_.copy_on_write) forget_writes(page(), whole_pages(size() + offset_in_page()));
    if (receiving_.returns) receiving_.returns->give_back(receiving_.connection, number_);
  }

  bool is_shared() const override { return true; }
  bool is_writable() const override { return receiving_.copy_on_write; }
  std::shared_ptr<BlobReturns> returns() const override { return receiving_.returns; }

 private:
  std::size_t offset_in_page() const { return reinterpret_cast<std::uintptr_t>(data()) % kPageBytes; }
  std::byte* page() const { return data() - offset_in_page(); }

  std::shared_ptr<Segment> segment_;
  BlobMemory::Receiving receiving_;
  std::uint64_t number_;
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
  auto segment = std::make_shared<Segment>();
  segments_.emplace(number, segment);
  segment->size = size;
  if (!memory.valid()) return {};
  const Access access = receiving_.copy_on_write ? Access::kCopyOnWrite : Access::kRead;
  Result<Mapping> mapping = map_memory(system_, memory.get(), size, access);
  if (mapping.ok()) {
    segment->mapping = std::move(mapping).value();
  } else {
    segment->memory = std::move(memory);
  }
  memory.reset();
  return {};
}

Result<BlobRef> PeerBlobs::open(const PartPlace& place) {
  const auto found = segments_.find(place.segment);
  const bool is_there = found != segments_.end() && place.bytes <= found->second->size &&
                        place.offset <= found->second->size - place.bytes;
  if (!is_there) return nonsense("that was not passed, or beyond its end");
  const bool is_seen = in_place_ && found->second->mapping.data() != nullptr;
  try {
    if (is_seen) return BlobRef(std::make_shared<MappedBlob>(found->second, place, receiving_));
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): nor is there memory for a copy
  }
  Result<BlobRef> copied = copy(*found->second, place);
  if (receiving_.returns) receiving_.returns->give_back(receiving_.connection, place.blob);
  return copied;
}

Result<BlobRef> PeerBlobs::copy(const Segment& segment, const PartPlace& place) {
  BlobRef blob = make_heap_blob(place.bytes);
  if (!blob) return Error{Code::kResourceExhausted, "out of memory"};
  if (segment.mapping.data() != nullptr) {
    std::memcpy(blob->data(), segment.mapping.data() + place.offset, place.bytes);
    return blob;
  }
  if (!segment.memory.valid()) return Error{Code::kResourceExhausted, "no descriptor was left to receive memory with"};
  if (Status status = read_memory(segment.memory.get(), place.offset, blob->bytes()); !status.ok()) {
    return status.error();
  }
  return blob;
}

}  // namespace ipcbridge::shm
