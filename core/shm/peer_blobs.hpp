#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "core/base/blob_memory.hpp"
#include "core/base/fd.hpp"
#include "core/base/system.hpp"
#include "core/shm/memory.hpp"

namespace ipcbridge::shm {

// The segments of a peer's BlobPool, as far as they have been passed to this process, and what lies in them. A mapping
// is there for as long as a blob of it is, whatever becomes of the connection.
class PeerBlobs {
 public:
  static constexpr std::size_t kMaxSegments = 4096;

  // `in_place`: blobs are seen where they lie, which the peer may change at any moment; else they are copied.
  PeerBlobs(System& system, bool in_place) : system_(system), in_place_(in_place) {}

  void receive_as(const BlobMemory::Receiving& receiving) { receiving_ = receiving; }

  // The peer's segment of this number is this descriptor, which is invalid where it was lost on the way. data_loss when
  // it is no such segment; then it is left where it is. Where it cannot be mapped, its blobs are read.
  Status add(std::uint32_t number, std::uint64_t size, Fd& memory);
  // False when there is none of this number.
  bool drop(std::uint32_t number) { return segments_.erase(number) != 0; }

  // See BlobMemory.
  Result<BlobRef> open(const PartPlace& place);
  void decline(const PartPlace& place) const noexcept;

 private:
  struct Segment;
  class MappedBlob;

  BlobRef map(const std::shared_ptr<Segment>& segment, const PartPlace& place) const;

  static Result<BlobRef> copy(const Segment& segment, const PartPlace& place);

  System& system_;
  bool in_place_;
  BlobMemory::Receiving receiving_;
  std::unordered_map<std::uint32_t, std::shared_ptr<Segment>> segments_;
};

}  // namespace ipcbridge::shm
