#include "tests/core/transport/channel_pair.hpp"

#include <poll.h>

#include <cstdlib>
#include <utility>

#include "core/shm/segment.hpp"
#include "core/transport/inproc_channel.hpp"
#include "core/transport/shm_channel.hpp"
#include "core/transport/socket.hpp"
#include "core/transport/unix_channel.hpp"

namespace ipcbridge::testing_support {

ChannelPair make_channels(std::string_view transport, System& system) {
  if (transport == "inproc") {
    Result<InprocChannel::Pair> pair = InprocChannel::create(system);
    if (!pair.ok()) std::abort();
    return {std::move(pair.value().first), std::move(pair.value().second)};
  }
  auto [one, two] = socket_pair();
  const LocalPeer peer = local_peer(one.get()).value();
  if (transport == "unix") {
    return {std::make_unique<UnixChannel>(system, std::move(one), peer),
            std::make_unique<UnixChannel>(system, std::move(two), peer)};
  }
  shm::OwnSegment first = shm::create_segment(system, shm::kDefaultRingBytes).value();
  shm::OwnSegment second = shm::create_segment(system, shm::kDefaultRingBytes).value();
  shm::PeerSegment first_seen = shm::open_segment(system, first.memory.get()).value();
  shm::PeerSegment second_seen = shm::open_segment(system, second.memory.get()).value();
  return {std::make_unique<ShmChannel>(system, std::move(one), peer, std::move(first), std::move(second_seen)),
          std::make_unique<ShmChannel>(system, std::move(two), peer, std::move(second), std::move(first_seen))};
}

Progress Collector::on_frame(const FrameHeader& header, ConstBytes body) {
  frames.push_back({header, Buffer(body.begin(), body.end())});
  return {};
}

bool write(Channel& channel, std::uint64_t id, ConstBytes body, FrameType type) {
  return channel.write(header_of(type, id, body.size()), std::span(&body, 1));
}

bool write(Channel& channel, std::uint64_t id, std::string_view text) { return write(channel, id, as_bytes(text)); }

bool sleep_until_ready(Channel& channel) {
  if (!channel.prepare_sleep()) return true;
  const bool woken = wait_for(channel.fd(), static_cast<short>(POLLIN | (channel.wants_writable() ? POLLOUT : 0)));
  channel.wake();
  return woken;
}

Progress read_until(Channel& channel, Collector& sink, std::size_t count) {
  while (sink.frames.size() < count) {
    const bool woken = sleep_until_ready(channel);
    if (!woken) return CloseReason::peer_silent();
    if (channel.wants_writable()) channel.on_writable();
    if (Progress status = channel.read(sink, ReadBudget{}, true); !status.ok()) return status;
  }
  return {};
}

}  // namespace ipcbridge::testing_support
