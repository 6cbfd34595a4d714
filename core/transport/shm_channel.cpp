#include "core/transport/shm_channel.hpp"

#include <utility>

namespace ipcbridge {

ShmChannel::ShmChannel(System& system, Fd socket, Principal peer, shm::OwnSegment own, shm::PeerSegment theirs)
    : RingChannel(system, std::move(socket), std::move(peer), {own.state(), own.ring(), own.ring_bytes},
                  {theirs.state(), theirs.ring(), theirs.ring_bytes}),
      own_(std::move(own)),
      theirs_(std::move(theirs)) {
  own_.memory.reset();
}

}  // namespace ipcbridge
