#include "core/transport/shm_channel.hpp"

#include <fcntl.h>

#include <utility>

#include <gtest/gtest.h>

#include "core/shm/layout.hpp"
#include "tests/core/support/process.hpp"
#include "tests/core/transport/channel_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::Collector;
using testing_support::LingeringSocket;
using testing_support::send_descriptors;
using testing_support::socket_pair;

// A channel whose peer has an empty ring and a bare socket to ring with.
class ShmChannelTest : public testing::Test {
 protected:
  std::unique_ptr<ShmChannel> make_channel() {
    shm::PeerSegment seen = shm::open_segment(System::real(), theirs_.memory.get()).value();
    return std::make_unique<ShmChannel>(System::real(), std::move(sockets_.second), LocalPeer{},
                                        shm::create_segment(System::real(), shm::kDefaultRingBytes).value(),
                                        std::move(seen));
  }

  std::pair<Fd, Fd> sockets_ = socket_pair();
  Fd raw_ = std::move(sockets_.first);
  shm::OwnSegment theirs_ = shm::create_segment(System::real(), shm::kDefaultRingBytes).value();
  std::unique_ptr<ShmChannel> channel_ = make_channel();
  LingeringSocket passed_;
};

// It waits for a frame that says what it is.
TEST_F(ShmChannelTest, ADescriptorThatNoFrameNamesIsMadeToCloseAtOnceAtTheEnd) {
  const std::size_t before = testing_support::open_descriptors();
  send_descriptors(raw_, {passed_.fd()});
  Collector sink;
  ASSERT_TRUE(channel_->read(sink, ReadBudget{}, true).ok());
  EXPECT_EQ(testing_support::open_descriptors(), before + 1);
  channel_.reset();
  EXPECT_FALSE(passed_.lingers());
  EXPECT_EQ(testing_support::open_descriptors(), before - 1) << "nor is the channel's own left";
}

TEST_F(ShmChannelTest, OfTheDescriptorsBesideOneDoorbellAllButTheFirstAreMadeToCloseAtOnce) {
  const Fd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::size_t before = testing_support::open_descriptors();
  send_descriptors(raw_, {first.get(), passed_.fd()});
  Collector sink;
  ASSERT_TRUE(channel_->read(sink, ReadBudget{}, true).ok());
  EXPECT_FALSE(passed_.lingers());
  EXPECT_EQ(testing_support::open_descriptors(), before + 1);
}

TEST_F(ShmChannelTest, SoIsOneThatLiesInTheSocketAtTheEnd) {
  send_descriptors(raw_, {passed_.fd()});
  channel_.reset();
  EXPECT_FALSE(passed_.lingers());
}

TEST_F(ShmChannelTest, AGlanceAtAnEmptyRingTellsThatItIsEmpty) {
  const Channel::Glance glance = channel_->glance();
  ASSERT_NE(glance.word, nullptr);
  EXPECT_EQ(*glance.word, glance.seen);
}

TEST_F(ShmChannelTest, NonsenseThatAWriteFindsIsReadyToBeRead) {
  ASSERT_TRUE(testing_support::write(*channel_, 1, testing_support::pattern(16'000, 1)));
  theirs_.state().read_index.store(7);
  // The index is looked at when the ring seems full.
  while (testing_support::write(*channel_, 1, testing_support::pattern(16'000, 1))) {
  }
  EXPECT_TRUE(channel_->is_over());
  EXPECT_TRUE(channel_->ready());
  EXPECT_EQ(channel_->glance().word, nullptr);
  EXPECT_FALSE(channel_->prepare_sleep());
  Collector sink;
  EXPECT_EQ(channel_->read(sink, ReadBudget{}, false).why().code(), Code::kDataLoss);
}

TEST_F(ShmChannelTest, WhatTheSidesDoIsSeenWithoutAMessage) {
  const testing_support::ChannelPair channels = testing_support::make_channels("shm");
  const TimePoint now = Clock::now();
  EXPECT_EQ(channels.two->peer_activity(now), std::nullopt);
  // In the word there are whole microseconds.
  const shm::Activity activity{7, std::chrono::floor<std::chrono::microseconds>(now)};
  channels.one->tell_activity(activity);
  EXPECT_EQ(channels.two->peer_activity(now), activity);
  EXPECT_EQ(channels.one->peer_activity(now), std::nullopt);
  channels.one->tell_activity(std::nullopt);
  EXPECT_EQ(channels.two->peer_activity(now), std::nullopt);
}

TEST_F(ShmChannelTest, AForgedActivityIsNone) {
  const TimePoint now = Clock::now();
  theirs_.state().activity.store(~0ULL);
  EXPECT_EQ(channel_->peer_activity(now), std::nullopt);
  theirs_.state().activity.store(1);  // a time, and no method
  EXPECT_EQ(channel_->peer_activity(now), std::nullopt);
}

TEST_F(ShmChannelTest, WhatThePeerHasNotReadIsCounted) {
  EXPECT_EQ(channel_->unread(), 0U);
  ASSERT_TRUE(testing_support::write(*channel_, 1, "eight by"));
  EXPECT_EQ(channel_->written(), 24U);
  EXPECT_EQ(channel_->unread(), 24U);
  theirs_.state().read_index.store(24);
  EXPECT_EQ(channel_->unread(), 0U);
  theirs_.state().read_index.store(25);  // nonsense: more than was written
  EXPECT_EQ(channel_->unread(), 0U);
}

}  // namespace
}  // namespace ipcbridge
