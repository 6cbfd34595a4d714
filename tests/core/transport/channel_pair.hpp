#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "core/transport/channel.hpp"
#include "core/transport/unix_channel.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::testing_support {

// Two connected channels of a transport: "unix", "shm" or "inproc".
struct ChannelPair {
  std::unique_ptr<Channel> one;
  std::unique_ptr<Channel> two;
};
ChannelPair make_channels(std::string_view transport, System& system = System::real());

struct Frame {
  FrameHeader header;
  Buffer body;
};

// Keeps the frames that arrive; takes at most `room` of them.
class Collector final : public FrameSink {
 public:
  Progress on_frame(const FrameHeader& header, ConstBytes body) override;
  bool wants_frame() override { return frames.size() < room; }
  std::deque<Frame> frames;
  std::size_t room = ~std::size_t{0};
};

bool write(Channel& channel, std::uint64_t id, ConstBytes body, FrameType type = FrameType::kRequest);
bool write(Channel& channel, std::uint64_t id, std::string_view text);

// Sleeps as the protocol says, until the channel has something; then wakes it. False after ten seconds.
bool sleep_until_ready(Channel& channel);

// Reads and sleeps by turns until `count` frames have been collected, or the channel ends.
Progress read_until(Channel& channel, Collector& sink, std::size_t count);

}  // namespace ipcbridge::testing_support
