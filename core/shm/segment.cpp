#include "core/shm/segment.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <utility>

#include "core/base/frame.hpp"
#include "core/shm/ring.hpp"

namespace ipcbridge::shm {
namespace {

static_assert(max_record_body(kMinRingBytes) >= kMaxFrameBody);

bool is_ring_size(std::uint64_t bytes) {
  return bytes >= kMinRingBytes && bytes <= kMaxRingBytes && std::has_single_bit(bytes);
}

// Segments that are mapped one after the other differ in their page numbers.
std::size_t spread_state(const Mapping& mapping) {
  constexpr std::size_t kBusyBytes = offsetof(SharedState, activity);  // the rest is hardly ever touched
  constexpr std::size_t kPlaces = (kHeaderBytes - kPadding - sizeof(SharedState)) / kBusyBytes + 1;
  const std::size_t page = reinterpret_cast<std::uintptr_t>(mapping.data()) / kHeaderBytes;
  return kPadding + page % kPlaces * kBusyBytes;
}

}  // namespace

Result<OwnSegment> create_segment(System& system, std::size_t ring_bytes) {
  if (!is_ring_size(ring_bytes)) {
    return Error{Code::kInvalidArgument, "the ring size must be a power of two from 64 KiB to 64 MiB"};
  }
  const std::size_t size = kHeaderBytes + ring_bytes;
  Result<Fd> memory = make_memory(system, size);
  if (!memory.ok()) return memory.error();
  OwnSegment segment;
  segment.memory = std::move(memory).value();
  Result<Mapping> mapping = map_memory(system, segment.memory.get(), size, Access::kReadWrite);
  if (!mapping.ok()) return mapping.error();
  segment.mapping = std::move(mapping).value();
  segment.ring_bytes = ring_bytes;
  segment.state_offset = spread_state(segment.mapping);
  touch(segment.mapping.data(), size);
  new (segment.mapping.data()) SegmentHeader{kMagic, ring_bytes, segment.state_offset};
  new (segment.mapping.data() + segment.state_offset) SharedState;
  // After the mapping: what is sealed cannot be mapped writable.
  if (Status status = seal(segment.memory.get()); !status.ok()) return status.error();
  return segment;
}

Result<PeerSegment> open_segment(System& system, int memory) {
  const Result<std::uint64_t> sealed = sealed_size(memory);
  if (!sealed.ok()) return sealed.error();
  const std::uint64_t size = sealed.value();
  if (size <= kHeaderBytes || !is_ring_size(size - kHeaderBytes)) return not_a_segment("its size is wrong");
  // To read a page that is not there yet is to get it, on this process's account.
  if (!is_present(memory, size)) return not_a_segment("not all of its memory is there");
  Result<Mapping> mapping = map_memory(system, memory, size, Access::kRead);
  if (!mapping.ok()) return mapping.error();
  const auto header = load<SegmentHeader>(mapping.value().data());
  const std::size_t ring_bytes = size - kHeaderBytes;
  if (header.magic != kMagic || header.ring_bytes != ring_bytes || !is_state_offset(header.state_offset)) {
    return not_a_segment("its header is wrong");
  }
  return PeerSegment{std::move(mapping).value(), ring_bytes, header.state_offset};
}

}  // namespace ipcbridge::shm
