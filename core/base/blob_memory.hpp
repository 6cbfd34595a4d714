#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/base/blob.hpp"
#include "core/base/blob_returns.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"

namespace ipcbridge {

// Where a part of a message is. docs/protocol.md, "Large messages".
struct PartPlace {
  std::uint64_t bytes = 0;
  std::uint64_t blob = 0;  // in shared memory: what a FREE calls it; 0: its bytes follow in the frames
  std::uint64_t offset = 0;
  std::uint32_t segment = 0;

  bool is_shared() const { return blob != 0; }
};

// Memory that both sides of a connection see, for what is large: a message says where in it its parts are. Where there
// is none, they travel with the message.
class BlobMemory {
 public:
  BlobMemory() = default;
  virtual ~BlobMemory() = default;
  BlobMemory(const BlobMemory&) = delete;
  BlobMemory& operator=(const BlobMemory&) = delete;

  // Not filled. Null where the system has none; resource_exhausted when the peer keeps more than it may.
  virtual Result<BlobRef> allocate(std::size_t size) = 0;

  // The same for any thread, and without whatever lock this is used under. It may outlive this.
  virtual std::function<Result<BlobRef>(std::size_t)> allocator() const = 0;

  // Where the peer finds this (segment and offset), which it is told first where it does not know. Nothing when it is
  // in no memory that the peer may see, or when the peer cannot be told now.
  virtual std::optional<PartPlace> locate(const Attachment& part) = 0;

  // The connection has ended, while the peer may keep what it has: nothing is allocated any more.
  virtual void close() noexcept = 0;

  // What the peer says is there; its number is to be freed when the memory is let go, or when this fails. Nothing can
  // be there: data_loss. This process cannot get at it: resource_exhausted.
  virtual Result<BlobRef> open(const PartPlace& place) = 0;
  // Frees what the peer says is there and nobody opens.
  virtual void decline(const PartPlace& place) noexcept = 0;

  // How what is opened is to be had; to be said before open().
  struct Receiving {
    std::shared_ptr<BlobReturns> returns;
    std::uint64_t connection = 0;  // by which they know this
    bool copy_on_write = false;    // writable, of which the peer sees nothing; else it is read only
  };
  virtual void receive_as(const Receiving& receiving) = 0;

  // Gives the system what has been free since then. True when there is more that is free.
  virtual bool trim(TimePoint since) = 0;
};

}  // namespace ipcbridge
