// Channels over rings carry frames without allocating.
#include <cstdint>

#include <gtest/gtest.h>

#include "tests/core/support/failing_memory.hpp"
#include "tests/core/transport/channel_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::ChannelPair;
using testing_support::FailingMemory;
using testing_support::make_channels;
using testing_support::write;

// Counts bytes, and keeps none.
class Counter final : public FrameSink {
 public:
  Progress on_frame(const FrameHeader&, ConstBytes body) override {
    bytes += body.size();
    return {};
  }
  bool wants_frame() override { return true; }
  std::size_t bytes = 0;
};

class RingChannels : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Transports, RingChannels, testing::Values("shm", "inproc"),
                         [](const auto& parameter) { return parameter.param; });

TEST_P(RingChannels, CarryFramesWithoutAllocating) {
  const ChannelPair pair = make_channels(GetParam());
  const Buffer body(1000);
  Counter sink;
  const FailingMemory none(0, SIZE_MAX);
  for (int i = 0; i < 100; ++i) {
    const FailingMemory::Armed armed;
    ASSERT_TRUE(write(*pair.one, 1, body));
    ASSERT_TRUE(pair.two->read(sink, ReadBudget{}, true).ok());
    static_cast<void>(pair.two->prepare_sleep());
    pair.two->wake();
  }
  EXPECT_EQ(sink.bytes, 100 * body.size());
  EXPECT_FALSE(FailingMemory::has_failed());
}

}  // namespace
}  // namespace ipcbridge
