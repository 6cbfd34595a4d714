#include "core/transport/channel.hpp"

#include <poll.h>

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/core/transport/channel_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::ChannelPair;
using testing_support::Collector;
using testing_support::is_pattern;
using testing_support::is_readable;
using testing_support::make_channels;
using testing_support::pattern;
using testing_support::read_until;
using testing_support::sleep_until_ready;
using testing_support::write;

// What every channel promises (core/transport/channel.hpp).
class ChannelConformance : public testing::TestWithParam<const char*> {
 protected:
  // Fills the channel with frames of this size; gives how many went in.
  std::uint64_t fill(std::size_t size) {
    std::uint64_t count = 0;
    while (write(*pair_.one, count, pattern(size, static_cast<std::uint32_t>(count)))) ++count;
    return count;
  }

  ChannelPair pair_ = make_channels(GetParam());
  Collector sink_;
};

TEST_P(ChannelConformance, SaysWhatItIs) {
  EXPECT_EQ(pair_.one->transport(), GetParam());
  const auto& peer = std::get<LocalPeer>(pair_.one->peer());
  EXPECT_EQ(peer.uid, ::getuid());
  EXPECT_EQ(peer.gid, ::getgid());
  EXPECT_EQ(peer.pid, ::getpid());
  EXPECT_GE(pair_.one->fd(), 0);
}

TEST_P(ChannelConformance, CarriesWholeFramesInOrderBothWays) {
  for (std::uint64_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(write(*pair_.one, i, pattern(i * 7, static_cast<std::uint32_t>(i))));
    ASSERT_TRUE(write(*pair_.two, 100 + i, pattern(i, static_cast<std::uint32_t>(i))));
  }
  Collector other;
  ASSERT_TRUE(read_until(*pair_.two, sink_, 20).ok());
  ASSERT_TRUE(read_until(*pair_.one, other, 20).ok());
  for (std::uint64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(sink_.frames[i].header.call_id, i);
    EXPECT_EQ(sink_.frames[i].body.size(), i * 7);
    EXPECT_TRUE(is_pattern(sink_.frames[i].body, static_cast<std::uint32_t>(i)));
    EXPECT_EQ(other.frames[i].header.call_id, 100 + i);
  }
}

TEST_P(ChannelConformance, KeepsTheHeaderAsItWas) {
  FrameHeader header{3, FrameType::kNotify, kFlagIgnorable | kFlagMore, 0, 0xFEDC'BA98'7654'3210ULL};
  const ConstBytes body = as_bytes("abc");
  ASSERT_TRUE(pair_.one->write(header, std::span(&body, 1)));
  ASSERT_TRUE(read_until(*pair_.two, sink_, 1).ok());
  EXPECT_EQ(sink_.frames[0].header.type, FrameType::kNotify);
  EXPECT_EQ(sink_.frames[0].header.flags, kFlagIgnorable | kFlagMore);
  EXPECT_EQ(sink_.frames[0].header.call_id, 0xFEDC'BA98'7654'3210ULL);
  EXPECT_EQ(testing_support::text_of(sink_.frames[0].body), "abc");
}

TEST_P(ChannelConformance, CarriesTheLargestFrame) {
  ASSERT_TRUE(write(*pair_.one, 1, pattern(kMaxFrameBody, 1)));
  ASSERT_TRUE(read_until(*pair_.two, sink_, 1).ok());
  EXPECT_TRUE(is_pattern(sink_.frames[0].body, 1));
}

TEST_P(ChannelConformance, RefusesWhatItHasNoRoomForAndLosesNothing) {
  const std::uint64_t count = fill(1000);
  ASSERT_GT(count, 10U);
  EXPECT_FALSE(write(*pair_.one, 999, pattern(1000, 1)));
  ASSERT_TRUE(read_until(*pair_.two, sink_, count).ok() || true);
  // A socket may have taken a part of the last frame; it follows when there is room.
  while (sink_.frames.size() < count) {
    pair_.one->on_writable();
    ASSERT_TRUE(read_until(*pair_.two, sink_, sink_.frames.size() + 1).ok());
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    EXPECT_EQ(sink_.frames[i].header.call_id, i);
    EXPECT_TRUE(is_pattern(sink_.frames[i].body, static_cast<std::uint32_t>(i)));
  }
  EXPECT_TRUE(write(*pair_.one, 1000, "room again"));
}

TEST_P(ChannelConformance, WakesAWriterWhenSpaceArrives) {
  const std::uint64_t count = fill(4000);
  std::thread reader([&] {
    Collector sink;
    static_cast<void>(read_until(*pair_.two, sink, count + 1));
  });
  bool written = false;
  while (!written) {
    if (!sleep_until_ready(*pair_.one)) break;
    if (pair_.one->wants_writable()) pair_.one->on_writable();
    EXPECT_TRUE(pair_.one->read(sink_, ReadBudget{}, is_readable(pair_.one->fd())).ok());
    written = write(*pair_.one, count, pattern(kMaxFrameBody, 5));
  }
  EXPECT_TRUE(written) << "no wake-up came";
  if (!written) std::abort();
  reader.join();
}

TEST_P(ChannelConformance, WakesAWriterThatWasRefusedAlthoughALaterFrameFoundSpace) {
  const std::uint64_t count = fill(4000);
  ASSERT_FALSE(write(*pair_.one, 999, pattern(4000, 1)));
  while (!write(*pair_.one, 1000, "small")) {
    ASSERT_TRUE(read_until(*pair_.two, sink_, sink_.frames.size() + 1).ok());
  }
  ASSERT_TRUE(read_until(*pair_.two, sink_, count + 1).ok());
  EXPECT_TRUE(sleep_until_ready(*pair_.one)) << "it would wait for ever";
}

TEST_P(ChannelConformance, LetsAWriterSleepAgainThatWantsTheSpaceNoMore) {
  const std::uint64_t count = fill(4000);
  while (sink_.frames.size() < count) {
    if (pair_.one->wants_writable()) pair_.one->on_writable();
    ASSERT_TRUE(read_until(*pair_.two, sink_, sink_.frames.size() + 1).ok());
  }
  // The frame that found no room has been given up meanwhile.
  Collector nothing;
  bool sleeps = false;
  for (int turn = 0; turn < 4 && !sleeps; ++turn) {
    if (pair_.one->wants_writable()) pair_.one->on_writable();
    ASSERT_TRUE(pair_.one->read(nothing, ReadBudget{}, is_readable(pair_.one->fd())).ok());
    sleeps = !pair_.one->ready() && pair_.one->prepare_sleep() && !is_readable(pair_.one->fd());
  }
  EXPECT_TRUE(sleeps) << "it would spin for ever";
}

TEST_P(ChannelConformance, IsReadableAfterSleepWhenAFrameArrives) {
  ASSERT_TRUE(pair_.two->prepare_sleep());
  EXPECT_FALSE(is_readable(pair_.two->fd()));
  ASSERT_TRUE(write(*pair_.one, 1, "x"));
  EXPECT_TRUE(testing_support::wait_for(pair_.two->fd(), POLLIN));
  pair_.two->wake();
  ASSERT_TRUE(pair_.two->read(sink_, ReadBudget{}, true).ok());
  EXPECT_EQ(sink_.frames.size(), 1U);
  EXPECT_TRUE(pair_.two->prepare_sleep());
  EXPECT_FALSE(is_readable(pair_.two->fd())) << "it is quiet again";
}

// The doorbell for a sleep that did not take place is answered by a poll while awake.
TEST_P(ChannelConformance, IsWokenAfterASleepThatAFramePrevented) {
  for (std::uint64_t round = 0; round < 3; ++round) {
    ASSERT_TRUE(write(*pair_.one, round, "x"));
    static_cast<void>(pair_.two->prepare_sleep());
    ASSERT_TRUE(write(*pair_.one, round, "y"));
    while (sink_.frames.size() < 2) ASSERT_TRUE(pair_.two->read(sink_, ReadBudget{}, true).ok());
    sink_.frames.clear();
    ASSERT_TRUE(pair_.two->prepare_sleep());
    ASSERT_TRUE(write(*pair_.one, round, "z"));
    ASSERT_TRUE(is_readable(pair_.two->fd())) << "round " << round;
    pair_.two->wake();
    ASSERT_TRUE(pair_.two->read(sink_, ReadBudget{}, true).ok());
    sink_.frames.clear();
  }
}

TEST_P(ChannelConformance, HidesNothingFromAGlance) {
  const auto shows = [](const Channel::Glance& glance) {
    return glance.word == nullptr || *glance.word != glance.seen;
  };
  const Channel::Glance before = pair_.two->glance();
  ASSERT_TRUE(write(*pair_.one, 1, "a"));
  ASSERT_TRUE(write(*pair_.one, 2, "b"));
  EXPECT_TRUE(shows(before)) << "a frame";

  sink_.room = 1;
  ASSERT_TRUE(read_until(*pair_.two, sink_, 1).ok());
  EXPECT_TRUE(shows(pair_.two->glance())) << "a frame that was left";

  sink_.room = ~std::size_t{0};
  const std::uint64_t count = fill(4000);
  const Channel::Glance full = pair_.one->glance();
  ASSERT_TRUE(read_until(*pair_.two, sink_, count).ok());
  EXPECT_TRUE(shows(full) || !pair_.one->ready()) << "space that was wanted";
}

TEST_P(ChannelConformance, KeepsWithinTheBudgetOfFrames) {
  for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(write(*pair_.one, i, "x"));
  ReadBudget budget;
  budget.frames = 4;
  ASSERT_TRUE(pair_.two->read(sink_, budget, true).ok());
  EXPECT_EQ(sink_.frames.size(), 4U);
  EXPECT_TRUE(pair_.two->ready());
  EXPECT_FALSE(pair_.two->prepare_sleep());
  ASSERT_TRUE(pair_.two->read(sink_, ReadBudget{}, false).ok());
  EXPECT_EQ(sink_.frames.size(), 10U);
}

TEST_P(ChannelConformance, KeepsWithinTheBudgetOfBytes) {
  constexpr std::size_t kBytes = 1000;
  for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(write(*pair_.one, i, pattern(kBytes, 1)));
  ReadBudget budget;
  budget.bytes = 4 * (sizeof(FrameHeader) + kBytes) - 1;
  ASSERT_TRUE(pair_.two->read(sink_, budget, true).ok());
  EXPECT_EQ(sink_.frames.size(), 3U);
  EXPECT_TRUE(pair_.two->ready());
  ASSERT_TRUE(pair_.two->read(sink_, ReadBudget{}, false).ok());
  EXPECT_EQ(sink_.frames.size(), 10U);
}

TEST_P(ChannelConformance, LeavesTheFrameThatTheSinkDoesNotWant) {
  for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(write(*pair_.one, i, "x"));
  sink_.room = 2;
  ASSERT_TRUE(pair_.two->read(sink_, ReadBudget{}, true).ok());
  EXPECT_EQ(sink_.frames.size(), 2U);
  EXPECT_FALSE(pair_.two->prepare_sleep());
  sink_.room = 5;
  ASSERT_TRUE(pair_.two->read(sink_, ReadBudget{}, false).ok());
  EXPECT_EQ(sink_.frames.size(), 5U);
}

TEST_P(ChannelConformance, EndsWithTheErrorOfItsSink) {
  class Refusing final : public FrameSink {
    Progress on_frame(const FrameHeader&, ConstBytes) override { return CloseReason::owner({Code::kAborted, "no"}); }
    bool wants_frame() override { return true; }
  } refusing;
  ASSERT_TRUE(write(*pair_.one, 1, "x"));
  EXPECT_EQ(pair_.two->read(refusing, ReadBudget{}, true).why().code(), Code::kAborted);
}

TEST_P(ChannelConformance, DeliversWhatAClosedPeerHadWritten) {
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(write(*pair_.one, i, "x"));
  ASSERT_TRUE(write(*pair_.two, 9, "never read"));
  pair_.one.reset();
  const Progress status = read_until(*pair_.two, sink_, 4);
  EXPECT_EQ(sink_.frames.size(), 3U);
  EXPECT_EQ(status.why().code(), Code::kUnavailable);
}

TEST_P(ChannelConformance, WakesASleeperWhenThePeerCloses) {
  ASSERT_TRUE(pair_.two->prepare_sleep());
  pair_.one.reset();
  EXPECT_TRUE(is_readable(pair_.two->fd()));
  pair_.two->wake();
  EXPECT_EQ(pair_.two->read(sink_, ReadBudget{}, true).why().code(), Code::kUnavailable);
}

TEST_P(ChannelConformance, RefusesToWriteOrEndsWhenThePeerHasGone) {
  pair_.one.reset();
  for (int i = 0; i < 3; ++i) static_cast<void>(write(*pair_.two, 1, "x"));
  EXPECT_EQ(pair_.two->read(sink_, ReadBudget{}, true).why().code(), Code::kUnavailable);
}

// Two sides that sleep whenever they can: a lost wake-up shows as a hang of ten seconds.
TEST_P(ChannelConformance, LosesNoWakeUpInConversation) {
  constexpr std::uint64_t kRounds = 10'000;
  std::thread echo([&] {
    Collector sink;
    for (std::uint64_t i = 0; i < kRounds; ++i) {
      if (!read_until(*pair_.two, sink, 1).ok()) return;
      static_cast<void>(write(*pair_.two, sink.frames[0].header.call_id, sink.frames[0].body));
      sink.frames.clear();
    }
  });
  bool woken = true;
  for (std::uint64_t i = 0; i < kRounds && woken; ++i) {
    woken = write(*pair_.one, i, pattern(i % 50, 1)) && read_until(*pair_.one, sink_, 1).ok() &&
            sink_.frames[0].header.call_id == i;
    sink_.frames.clear();
    EXPECT_TRUE(woken) << "round " << i;
  }
  if (!woken) pair_.one.reset();
  echo.join();
}

TEST_P(ChannelConformance, LosesNoWakeUpInAFlood) {
  constexpr std::uint64_t kFrames = 30'000;
  std::thread writer([&] {
    Collector nothing;
    for (std::uint64_t sent = 0; sent < kFrames;) {
      if (write(*pair_.one, sent, pattern(sent * 37 % 3000, static_cast<std::uint32_t>(sent)))) {
        ++sent;
        continue;
      }
      if (!sleep_until_ready(*pair_.one)) return;
      if (pair_.one->wants_writable()) pair_.one->on_writable();
      if (!pair_.one->read(nothing, ReadBudget{}, is_readable(pair_.one->fd())).ok()) return;
    }
    while (pair_.one->wants_writable() && sleep_until_ready(*pair_.one)) pair_.one->on_writable();
  });
  std::uint64_t received = 0;
  while (received < kFrames && read_until(*pair_.two, sink_, 1).ok()) {
    for (const auto& frame : sink_.frames) {
      EXPECT_EQ(frame.header.call_id, received);
      EXPECT_TRUE(is_pattern(frame.body, static_cast<std::uint32_t>(received)));
      ++received;
    }
    sink_.frames.clear();
  }
  EXPECT_EQ(received, kFrames);
  if (received < kFrames) pair_.two.reset();
  writer.join();
}

INSTANTIATE_TEST_SUITE_P(Transports, ChannelConformance, testing::Values("unix", "shm", "inproc"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace ipcbridge
