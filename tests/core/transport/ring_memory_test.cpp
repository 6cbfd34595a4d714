// How the segments of large values reach the other side of a channel through rings.
#include "core/transport/ring_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/shm/memory.hpp"
#include "core/shm/segment.hpp"
#include "core/transport/socket.hpp"
#include "tests/core/support/process.hpp"
#include "tests/core/transport/ring_memory_support.hpp"

namespace ipcbridge {
namespace {

using testing_support::ChannelPair;
using testing_support::Collector;
using testing_support::fail_with;
using testing_support::fill;
using testing_support::is_pattern;
using testing_support::LingeringSocket;
using testing_support::make_channels;
using testing_support::pattern;
using testing_support::write;

Buffer segment_body(std::uint32_t number, std::uint64_t size) {
  Buffer body(16);
  store(body.data(), number);
  store(body.data() + 8, size);
  return body;
}

// One byte and these descriptors, beside what the channel itself sends.
void send_beside(const Channel& channel, int passed) {
  const std::byte bell{1};
  const ConstBytes part(&bell, 1);
  ASSERT_EQ(send_parts(System::real(), channel.fd(), {&part, 1}, passed), 1);
}

class RingMemoryTest : public testing_support::RingMemoryFixture {};

INSTANTIATE_TEST_SUITE_P(Transports, RingMemoryTest, testing::Values("shm", "inproc"),
                         [](const auto& param) { return std::string(param.param); });

TEST_P(RingMemoryTest, EachFrameFindsWhatItTellsOf) {
  make();
  std::vector<Attachment> kept;
  std::vector<PartPlace> places;
  std::set<std::uint32_t> segments;
  for (std::uint32_t i = 0; i < 12; ++i) {
    kept.push_back(fill(one().allocate(256UL * 1024), i));
    places.push_back(one().locate(kept.back()).value());
    segments.insert(places.back().segment);
    ASSERT_TRUE(write(*pair_.one, i, "frame"));
  }
  EXPECT_GT(segments.size(), 3U);
  struct Opener final : FrameSink {
    Progress on_frame(const FrameHeader& header, ConstBytes) override {
      const Result<BlobRef> blob = memory->open(places->at(header.call_id));
      EXPECT_TRUE(blob.ok() && is_pattern(blob.value()->bytes(), static_cast<std::uint32_t>(header.call_id)));
      ++frames;
      return {};
    }
    bool wants_frame() override { return true; }
    BlobMemory* memory = nullptr;
    const std::vector<PartPlace>* places = nullptr;
    std::size_t frames = 0;
  } opener;
  opener.memory = &two();
  opener.places = &places;
  // Though nobody has said that there are descriptors.
  while (opener.frames < 12) ASSERT_TRUE(pair_.two->read(opener, ReadBudget{}, false).ok());
}

TEST_P(RingMemoryTest, IsTheSameBothWays) {
  make();
  const Attachment sent = fill(two().allocate(10'000), 1);
  const PartPlace place = two().locate(sent).value();
  Collector sink;
  ASSERT_TRUE(pair_.one->read(sink, ReadBudget{}, true).ok());
  EXPECT_TRUE(is_pattern(one().open(place).value()->bytes(), 1));
}

TEST_P(RingMemoryTest, WhatIsNotOfThisConnectionIsNotThere) {
  make();
  const ChannelPair other = make_channels(GetParam());
  EXPECT_EQ(one().locate(Attachment(make_heap_blob(10))), std::nullopt);
  EXPECT_EQ(one().locate(fill(other.one->blob_memory()->allocate(10'000), 1)), std::nullopt);
  EXPECT_EQ(one().locate(fill(two().allocate(10'000), 1)), std::nullopt) << "the other side's is its own";
}

TEST_P(RingMemoryTest, ASegmentIsToldOfLaterWhereTheRingIsFull) {
  make();
  const std::size_t descriptors = testing_support::open_descriptors();
  const Attachment sent = fill(one().allocate(10'000), 1);
  const Attachment other = fill(one().allocate(9'000'000), 2);
  EXPECT_EQ(testing_support::open_descriptors(), descriptors + 2);
  std::size_t frames = 0;
  while (write(*pair_.one, 1, Buffer(1'000))) ++frames;
  while (write(*pair_.one, 1, ConstBytes())) ++frames;
  EXPECT_EQ(one().locate(sent), std::nullopt);
  EXPECT_EQ(one().locate(sent), std::nullopt);
  EXPECT_EQ(one().locate(other), std::nullopt) << "nothing else overtakes it";
  Collector sink;
  while (sink.frames.size() < frames) ASSERT_TRUE(read(sink).ok());
  const std::optional<PartPlace> place = one().locate(sent);
  const std::optional<PartPlace> place_of_other = one().locate(other);
  ASSERT_TRUE(place && place_of_other);
  read_all();
  EXPECT_TRUE(is_pattern(two().open(*place).value()->bytes(), 1));
  EXPECT_TRUE(is_pattern(two().open(*place_of_other).value()->bytes(), 2));
  EXPECT_EQ(testing_support::open_descriptors(), descriptors) << "passed once, and closed on both sides";
}

TEST_P(RingMemoryTest, ADescriptorThatIsRefusedIsPassedLater) {
  make(faulty_);
  const Attachment sent = fill(one().allocate(10'000), 1);
  for (const int error : {ETOOMANYREFS, EAGAIN}) {
    faulty_.on_sendmsg = fail_with(error, 1);
    EXPECT_EQ(one().locate(sent), std::nullopt);
  }
  const std::optional<PartPlace> place = one().locate(sent);
  ASSERT_TRUE(place);
  read_all();
  EXPECT_TRUE(is_pattern(two().open(*place).value()->bytes(), 1));
}

TEST_P(RingMemoryTest, ASegmentOfOneValueGoesWithIt) {
  make();
  const std::size_t mapped = testing_support::mapped_segments();
  for (std::uint32_t i = 0; i < 20; ++i) {
    Attachment sent = fill(shm::BlobPool::of_process().allocate_sealable(50'000), i);
    ASSERT_TRUE(sent.memory->seal());
    PartPlace place = one().locate(sent).value();
    place.blob = 1 + i;
    EXPECT_EQ(one().locate(sent)->segment, place.segment) << "it is told of once";
    read_all();
    BlobRef received = two().open(place).value();
    EXPECT_TRUE(is_pattern(received->bytes(), i));
    EXPECT_FALSE(received->is_shared()) << "so that it may be looked at twice";
    sent = {};
    EXPECT_TRUE(is_pattern(received->bytes(), i)) << "the receiver keeps it";
  }
  static_cast<void>(one().trim(System::real().now()));
  read_all();
  EXPECT_EQ(testing_support::mapped_segments(), mapped);
}

TEST_P(RingMemoryTest, OfValuesWithASegmentEachSomeCannotBePassedWhenThePeerKeepsTooMany) {
  make();
  std::vector<Attachment> kept;
  while (true) {
    kept.push_back(fill(shm::BlobPool::of_process().allocate_sealable(10), 1));
    ASSERT_TRUE(kept.back().memory->seal());
    const std::optional<PartPlace> place = one().locate(kept.back());
    read_all_that_is_there();
    if (!place) break;
  }
  EXPECT_EQ(kept.size(), shm::PeerBlobs::kMaxSegments + 1);
  kept.erase(kept.begin());
  EXPECT_TRUE(one().locate(kept.back())) << "there is room again";
}

TEST_P(RingMemoryTest, WhatHasBeenFreeIsDroppedOnBothSides) {
  make(faulty_);
  const std::size_t mapped = testing_support::mapped_segments();
  Attachment sent = fill(one().allocate(10'000), 1);
  PartPlace place = one().locate(sent).value();
  place.blob = 5;
  read_all();
  BlobRef received = two().open(place).value();
  sent = {};
  EXPECT_TRUE(one().trim(faulty_.now() - std::chrono::seconds(5))) << "it may go later";
  faulty_.pass(std::chrono::seconds(6));
  EXPECT_FALSE(one().trim(faulty_.now() - std::chrono::seconds(5)));
  read_all();
  EXPECT_FALSE(two().open(place).ok());
  EXPECT_TRUE(is_pattern(received->bytes(), 1)) << "who has it keeps it";
  received.reset();
  EXPECT_EQ(testing_support::mapped_segments(), mapped);
  const Attachment again = fill(one().allocate(10'000), 2);
  const PartPlace next = one().locate(again).value();
  EXPECT_NE(next.segment, place.segment);
  read_all();
  EXPECT_TRUE(is_pattern(two().open(next).value()->bytes(), 2));
}

TEST_P(RingMemoryTest, WhatWasNeverSentIsDroppedWithTheRest) {
  make();
  const std::size_t mapped = testing_support::mapped_segments();
  shm::BlobPool& pool = shm::BlobPool::of_process();
  BlobRef unsent = pool.allocate(9'000'000).value();
  static_cast<void>(one().trim(System::real().now()));
  EXPECT_EQ(testing_support::mapped_segments(), mapped + 1) << "somebody has it";
  unsent.reset();
  EXPECT_TRUE(pool.has_free_segments());
  static_cast<void>(one().trim(System::real().now()));
  EXPECT_EQ(testing_support::mapped_segments(), mapped);
}

TEST_P(RingMemoryTest, WhatIsDroppedWhileTheRingIsFullIsToldOfLater) {
  make(faulty_);
  Attachment sent = fill(one().allocate(10'000), 1);
  const PartPlace place = one().locate(sent).value();
  read_all();
  std::size_t frames = 0;
  while (write(*pair_.one, 1, Buffer(1'000))) ++frames;
  while (write(*pair_.one, 1, ConstBytes())) ++frames;
  sent = {};
  faulty_.pass(std::chrono::seconds(6));
  EXPECT_TRUE(one().trim(faulty_.now())) << "it is to be told of";
  EXPECT_TRUE(two().open(place).ok());
  Collector sink;
  while (sink.frames.size() < frames) ASSERT_TRUE(read(sink).ok());
  EXPECT_FALSE(one().trim(faulty_.now()));
  read_all();
  EXPECT_FALSE(two().open(place).ok());
}

TEST_P(RingMemoryTest, AnEndedConnectionAllocatesNothing) {
  make();
  const auto allocate = one().allocator();
  const BlobRef kept = allocate(10'000).value();
  one().close();
  EXPECT_EQ(allocate(10'000).value(), nullptr);
  pair_.one.reset();
  EXPECT_EQ(allocate(10'000).value(), nullptr);
  kept->data()[0] = std::byte{1};
}

// What no honest side sends.
TEST_P(RingMemoryTest, ASegmentWithoutItsDescriptorIsAViolation) {
  make();
  Collector sink;
  ASSERT_TRUE(write(*pair_.one, 0, segment_body(1, 4096), FrameType::kSegment));
  expect_violation(read(sink));
}

TEST_P(RingMemoryTest, AMalformedSegmentIsAViolation) {
  for (const std::size_t size : {0UL, 4UL, 15UL, 17UL}) {
    make();
    send_beside(*pair_.one, STDIN_FILENO);
    Collector sink;
    ASSERT_TRUE(write(*pair_.one, 0, Buffer(size), FrameType::kSegment));
    expect_violation(read(sink));
  }
}

TEST_P(RingMemoryTest, ADescriptorThatIsNoSegmentIsAViolationAndMadeToCloseAtOnce) {
  make();
  const LingeringSocket passed;
  send_beside(*pair_.one, passed.fd());
  Collector sink;
  ASSERT_TRUE(write(*pair_.one, 0, segment_body(1, 4096), FrameType::kSegment));
  const std::size_t descriptors = testing_support::open_descriptors();
  expect_violation(read(sink));
  EXPECT_FALSE(passed.lingers());
  EXPECT_EQ(testing_support::open_descriptors(), descriptors);
}

TEST_P(RingMemoryTest, ToDropWhatWasNotPassedIsAViolation) {
  for (const std::size_t size : {0UL, 3UL, 8UL}) {
    make();
    Collector sink;
    ASSERT_TRUE(write(*pair_.one, 0, Buffer(size), FrameType::kDropSegment));
    expect_violation(read(sink));
  }
}

TEST_P(RingMemoryTest, WhoPassesDescriptorsAndNamesNoneIsClosed) {
  make();
  Collector sink;
  Progress progress;
  int passed = 0;
  for (; progress.ok() && passed < 100; ++passed) {
    send_beside(*pair_.one, STDIN_FILENO);
    progress = read(sink);
  }
  expect_violation(progress);
  EXPECT_GT(passed, 2);
}

TEST_P(RingMemoryTest, DescriptorsWaitWhileNobodyWantsTheFramesThatNameThem) {
  make();
  constexpr std::uint32_t kSegments = 40;
  for (std::uint32_t number = 1; number <= kSegments; ++number) {
    const Fd memory = std::move(shm::make_memory(System::real(), 4096)).value();
    const shm::Mapping mapping = shm::map_memory(System::real(), memory.get(), 4096, shm::Access::kReadWrite).value();
    const Buffer content = pattern(4096, number);
    std::copy(content.begin(), content.end(), mapping.data());
    ASSERT_TRUE(shm::seal(memory.get()).ok());
    send_beside(*pair_.one, memory.get());
    ASSERT_TRUE(write(*pair_.one, 0, segment_body(number, 4096), FrameType::kSegment));
  }
  Collector sink;
  sink.room = 0;
  const std::size_t descriptors = testing_support::open_descriptors();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(read(sink).ok());
  EXPECT_LT(testing_support::open_descriptors() - descriptors, 20U) << "most of them in the socket";
  sink.room = 1;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(read(sink).ok());
  for (std::uint32_t number = 1; number <= kSegments; ++number) {
    EXPECT_TRUE(is_pattern(two().open({4096, 1, 0, number}).value()->bytes(), number));
  }
}

}  // namespace
}  // namespace ipcbridge
