#pragma once

#include <cstddef>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"
#include "core/shm/layout.hpp"
#include "core/shm/memory.hpp"

namespace ipcbridge::shm {

// The segment that this side writes: memory reserved, mapped, then sealed so that nobody, not even its
// creator, can shrink it, grow it, punch holes in it or map it writable again.
struct OwnSegment {
  Mapping mapping;
  std::size_t ring_bytes = 0;
  std::size_t state_offset = 0;
  Fd memory;  // to be passed to the peer, then closed

  SharedState& state() const { return *reinterpret_cast<SharedState*>(mapping.data() + state_offset); }
  std::byte* ring() const { return mapping.data() + kHeaderBytes; }
};

// The segment that the peer writes, mapped read-only.
struct PeerSegment {
  Mapping mapping;
  std::size_t ring_bytes = 0;
  std::size_t state_offset = 0;

  const SharedState& state() const { return *reinterpret_cast<const SharedState*>(mapping.data() + state_offset); }
  const std::byte* ring() const { return mapping.data() + kHeaderBytes; }
};

// resource_exhausted when the memory cannot be had; ring_bytes must be a power of two in
// [kMinRingBytes, kMaxRingBytes].
Result<OwnSegment> create_segment(System& system, std::size_t ring_bytes);

// Checks the seals first, then the size and that all of it is there, then maps, then checks the header: a descriptor
// from a peer is not trusted to be anything. failed_precondition when it is not a sealed segment.
Result<PeerSegment> open_segment(System& system, int memory);

}  // namespace ipcbridge::shm
