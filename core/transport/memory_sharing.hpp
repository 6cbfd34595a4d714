#pragma once

#include <memory>

#include "core/base/fd.hpp"
#include "core/shm/segment.hpp"
#include "core/transport/channel.hpp"

namespace ipcbridge {

// How two processes agree on shared memory over a channel that passes descriptors. The handshake uses it.
class MemorySharing {
 public:
  MemorySharing() = default;
  virtual ~MemorySharing() = default;
  MemorySharing(const MemorySharing&) = delete;
  MemorySharing& operator=(const MemorySharing&) = delete;

  // The descriptor goes out with the first byte of the next write.
  virtual void attach(Fd fd) = 0;
  // Whether the kernel would not pass it on: this user has too many under way. It is dropped, and the write has failed.
  virtual bool fd_refused() const = 0;
  // The descriptor that came in, if any; later ones are discarded, and so must this one be.
  virtual Fd take_received_fd() = 0;
  // Whether one came that this process had no number left for.
  virtual bool lost_fd() const = 0;
  // The channel to go on with; this one has lost its socket and must be dropped.
  virtual std::unique_ptr<Channel> share(shm::OwnSegment own, shm::PeerSegment theirs) = 0;
};

}  // namespace ipcbridge
