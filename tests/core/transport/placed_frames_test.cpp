// Frames whose bodies a UnixChannel receives to where they belong.
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "core/transport/unix_channel.hpp"
#include "tests/core/transport/channel_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::header_of;
using testing_support::is_pattern;
using testing_support::pattern;
using testing_support::socket_pair;

// Has a place for one frame, or none.
class Placing final : public FrameSink {
 public:
  struct Arrived {
    FrameHeader header;
    Buffer body;
    bool in_place = false;
  };

  Progress on_frame(const FrameHeader& header, ConstBytes body) override {
    arrived.push_back({header, Buffer(body.begin(), body.end()), body.data() == place.data()});
    return {};
  }
  bool wants_frame() override { return wants; }
  MutableBytes place_of(const FrameHeader& header) override {
    ++asked;
    if (header.type != FrameType::kStreamItem || header.length > place.size()) return {};
    return MutableBytes(place).first(header.length);
  }

  Buffer place = Buffer(kMaxSocketFrameBody);
  bool wants = true;
  int asked = 0;
  std::vector<Arrived> arrived;
};

class PlacedFrames : public testing::Test {
 protected:
  static constexpr std::size_t kLong = 50'000;

  // `size` bytes of a frame from `from` on, whose body is a pattern.
  Buffer frame(std::uint32_t seed, std::size_t length = kLong, std::uint8_t flags = 0) {
    const FrameHeader header = header_of(FrameType::kStreamItem, seed, length, flags);
    Buffer bytes;
    append(bytes, std::as_bytes(std::span(&header, 1)));
    append(bytes, ConstBytes(pattern(length, seed)));
    return bytes;
  }
  void send(ConstBytes bytes) {
    ASSERT_EQ(::send(raw_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  Progress read(ReadBudget budget = {}) { return channel_.read(sink_, budget, true); }
  void read_all() {
    for (int i = 0; i < 10; ++i) {
      const Progress progress = read();
      ASSERT_TRUE(progress.ok()) << progress.why().message();
    }
  }
  void expect_arrived(std::size_t at, std::uint32_t seed) {
    ASSERT_GT(sink_.arrived.size(), at);
    EXPECT_EQ(sink_.arrived[at].header.call_id, seed);
    EXPECT_TRUE(is_pattern(sink_.arrived[at].body, seed));
  }

  std::pair<Fd, Fd> sockets_ = socket_pair();
  Fd raw_ = std::move(sockets_.first);
  UnixChannel channel_{System::real(), std::move(sockets_.second), LocalPeer{}};
  Placing sink_;
};

TEST_F(PlacedFrames, AreReceivedThereAndWholeOnes) {
  const Buffer bytes = frame(1);
  for (std::size_t at = 0; at < bytes.size(); at += 7'000) {
    EXPECT_TRUE(sink_.arrived.empty());
    send(ConstBytes(bytes).subspan(at, std::min<std::size_t>(7'000, bytes.size() - at)));
    ASSERT_TRUE(read().ok());
  }
  read_all();
  ASSERT_EQ(sink_.arrived.size(), 1U);
  expect_arrived(0, 1);
  EXPECT_TRUE(sink_.arrived[0].in_place);
}

TEST_F(PlacedFrames, FollowOneAnother) {
  const Buffer first = frame(1, kLong, kFlagMore);
  const Buffer second = frame(2, kLong, kFlagMore);
  const Buffer third = frame(3, 10);
  Buffer bytes = first;
  append(bytes, ConstBytes(second));
  append(bytes, ConstBytes(third));
  // Cut wherever it may be.
  for (std::size_t at = 0; at < bytes.size(); at += 12'345) {
    send(ConstBytes(bytes).subspan(at, std::min<std::size_t>(12'345, bytes.size() - at)));
    ASSERT_TRUE(read().ok());
  }
  read_all();
  ASSERT_EQ(sink_.arrived.size(), 3U);
  for (std::uint32_t i = 0; i < 3; ++i) expect_arrived(i, i + 1);
  EXPECT_TRUE(sink_.arrived[0].in_place);
}

TEST_F(PlacedFrames, WhosePlaceGoesMeanwhileAreReadAndWhatFollowsIsIntact) {
  const Buffer bytes = frame(1);
  send(ConstBytes(bytes).first(20'000));
  ASSERT_TRUE(read().ok());
  sink_.place.clear();
  send(ConstBytes(bytes).subspan(20'000));
  send(frame(2, 100));
  read_all();
  ASSERT_EQ(sink_.arrived.size(), 2U);
  EXPECT_EQ(sink_.arrived[0].header.call_id, 1U);
  EXPECT_EQ(sink_.arrived[0].body.size(), kLong) << "as long as it says";
  expect_arrived(1, 2);
}

TEST_F(PlacedFrames, WaitUntilTheyAreWanted) {
  const Buffer bytes = frame(1);
  send(ConstBytes(bytes).first(20'000));
  ASSERT_TRUE(read().ok());
  sink_.wants = false;
  send(ConstBytes(bytes).subspan(20'000));
  read_all();
  EXPECT_TRUE(sink_.arrived.empty());
  EXPECT_TRUE(channel_.ready());
  EXPECT_FALSE(channel_.prepare_sleep());
  sink_.wants = true;
  ASSERT_TRUE(channel_.read(sink_, {}, false).ok());
  expect_arrived(0, 1);
}

TEST_F(PlacedFrames, WaitUntilTheBudgetHasRoom) {
  const Buffer bytes = frame(1);
  send(ConstBytes(bytes).first(20'000));
  ASSERT_TRUE(read().ok());
  send(ConstBytes(bytes).subspan(20'000));
  ASSERT_TRUE(read({64, 100}).ok());
  EXPECT_TRUE(sink_.arrived.empty());
  EXPECT_TRUE(channel_.ready());
  ASSERT_TRUE(read().ok());
  expect_arrived(0, 1);
}

TEST_F(PlacedFrames, OfAPeerThatGoesMeanwhileAreNone) {
  send(ConstBytes(frame(1)).first(20'000));
  ASSERT_TRUE(read().ok());
  raw_.reset();
  Progress progress;
  for (int i = 0; i < 10 && progress.ok(); ++i) progress = read();
  EXPECT_EQ(progress.why().code(), Code::kUnavailable);
  EXPECT_TRUE(sink_.arrived.empty());
}

TEST_F(PlacedFrames, OfAPeerThatGoesAfterwardsArriveBeforeThat) {
  const Buffer bytes = frame(1);
  send(ConstBytes(bytes).first(20'000));
  ASSERT_TRUE(read().ok());
  send(ConstBytes(bytes).subspan(20'000));
  raw_.reset();
  Progress progress;
  for (int i = 0; i < 10 && progress.ok(); ++i) progress = read();
  EXPECT_EQ(progress.why().code(), Code::kUnavailable);
  expect_arrived(0, 1);
}

TEST_F(PlacedFrames, ThatAreShortOrHaveNoPlaceGoThroughTheBuffer) {
  send(frame(1, 3'000));
  sink_.asked = 0;
  read_all();
  expect_arrived(0, 1);
  EXPECT_EQ(sink_.asked, 0);
  sink_.place.clear();
  const Buffer bytes = frame(2);
  send(ConstBytes(bytes).first(20'000));
  ASSERT_TRUE(read().ok());
  send(ConstBytes(bytes).subspan(20'000));
  read_all();
  expect_arrived(1, 2);
}

TEST_F(PlacedFrames, HoldNoMemoryOfTheChannel) {
  send(ConstBytes(frame(1)).first(20'000));
  ASSERT_TRUE(read().ok());
  EXPECT_TRUE(channel_.prepare_sleep());
  EXPECT_LT(channel_.compact(), 5'000U);
  send(ConstBytes(frame(1)).subspan(20'000));
  read_all();
  expect_arrived(0, 1);
}

}  // namespace
}  // namespace ipcbridge
