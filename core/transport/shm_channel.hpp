#pragma once

#include "core/base/fd.hpp"
#include "core/base/system.hpp"
#include "core/shm/segment.hpp"
#include "core/transport/ring_channel.hpp"

namespace ipcbridge {

// Between two processes: each has made one of the segments, and has the other's mapped to read.
class ShmChannel final : public RingChannel {
 public:
  ShmChannel(System& system, Fd socket, Principal peer, shm::OwnSegment own, shm::PeerSegment theirs);

  std::string_view transport() const override { return "shm"; }

 private:
  shm::OwnSegment own_;
  shm::PeerSegment theirs_;
};

}  // namespace ipcbridge
