#pragma once

#include <cstddef>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"
#include "core/shm/layout.hpp"

namespace ipcbridge::shm {

// A mapping of a whole segment. A forked child does not inherit it (MADV_DONTFORK).
class Mapping {
 public:
  Mapping() = default;
  Mapping(std::byte* address, std::size_t size);
  ~Mapping();
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::byte* data() const { return address_; }
  std::size_t size() const { return size_; }

 private:
  std::byte* address_ = nullptr;
  std::size_t size_ = 0;
  unsigned generation_ = 0;
};

// The segment that this side writes: memory reserved, mapped, then sealed so that nobody, not even its
// creator, can shrink it, grow it, punch holes in it or map it writable again.
struct OwnSegment {
  Mapping mapping;
  std::size_t ring_bytes = 0;
  std::size_t state_offset = 0;
  Fd memfd;  // to be passed to the peer, then closed

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
Result<PeerSegment> open_segment(System& system, int memfd);

}  // namespace ipcbridge::shm
