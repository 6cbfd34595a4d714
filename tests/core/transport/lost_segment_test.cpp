// Segments of large values that do not reach the other side, because it has no number left for their descriptors.
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/shm/blob_pool.hpp"
#include "tests/core/support/process.hpp"
#include "tests/core/transport/ring_memory_support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Collector;
using testing_support::fill;
using testing_support::is_pattern;
using testing_support::write;

class LostSegment : public testing_support::RingMemoryFixture {
 protected:
  void read_what_it_says() {
    Collector sink;
    const Progress progress = pair_.one->read(sink, ReadBudget{}, true);
    ASSERT_TRUE(progress.ok()) << progress.why().message();
  }
  // Of a segment whose descriptor the other side loses.
  std::optional<PartPlace> pass_and_lose(const Attachment& sent) {
    losing_.loses = true;
    const std::optional<PartPlace> place = one().locate(sent);
    read_all();
    losing_.loses = false;
    return place;
  }
  // No room is left for what the other side tells.
  void fill_ring_of_the_other() {
    while (write(*pair_.two, 1, Buffer(1'000))) {
    }
    while (write(*pair_.two, 1, ConstBytes())) {
    }
  }
  void empty_ring_of_the_other() {
    for (int i = 0; i < 100; ++i) read_what_it_says();
  }
  static Buffer lost_body(std::uint32_t number) {
    Buffer body(8);
    store(body.data(), number);
    return body;
  }
  Progress tell_lost(const Buffer& body) {
    EXPECT_TRUE(write(*pair_.one, 0, body, FrameType::kLostSegment));
    Collector sink;
    return read(sink);
  }
};

INSTANTIATE_TEST_SUITE_P(Transports, LostSegment, testing::Values("shm", "inproc"),
                         [](const auto& param) { return std::string(param.param); });

TEST_P(LostSegment, OfASegmentWhoseDescriptorIsLostTheCallsFailAndOthersDoNot) {
  make(losing_);
  const Attachment sent = fill(one().allocate(10'000), 1);
  const PartPlace lost = pass_and_lose(sent).value();
  const Attachment other = fill(one().allocate(9'000'000), 2);
  const PartPlace place = one().locate(other).value();
  read_all();
  EXPECT_EQ(two().open(lost).error().code, Code::kResourceExhausted);
  EXPECT_TRUE(is_pattern(two().open(place).value()->bytes(), 2));
}

TEST_P(LostSegment, AfterOneWasLostNoOtherIsPassedForAWhileAndNothingMoreLiesThere) {
  make(losing_);
  const Attachment before = fill(one().allocate(9'000'000), 3);
  const PartPlace known = one().locate(before).value();
  read_all();
  const Attachment sent = fill(one().allocate(10'000), 1);
  const PartPlace lost = pass_and_lose(sent).value();
  read_what_it_says();
  EXPECT_EQ(one().locate(sent), std::nullopt);
  const Attachment other = fill(one().allocate(10'000), 2);
  EXPECT_EQ(one().locate(other), std::nullopt);
  EXPECT_EQ(one().locate(before).value().segment, known.segment) << "which the other side has";
  losing_.ahead = std::chrono::seconds(6);
  EXPECT_EQ(one().locate(sent), std::nullopt);
  const PartPlace place = one().locate(other).value();
  EXPECT_NE(place.segment, lost.segment);
  read_all();
  EXPECT_TRUE(is_pattern(two().open(place).value()->bytes(), 2));
}

TEST_P(LostSegment, SoItIsWithTheProcesssMemory) {
  make(losing_);
  shm::BlobPool& pool = shm::BlobPool::of_process();
  const Attachment sent = fill(pool.allocate(10'000), 1);
  const PartPlace lost = pass_and_lose(sent).value();
  read_what_it_says();
  losing_.ahead = std::chrono::seconds(6);
  const Attachment other = fill(pool.allocate(10'000), 2);
  const PartPlace place = one().locate(other).value();
  EXPECT_NE(place.segment, lost.segment);
  read_all();
  EXPECT_TRUE(is_pattern(two().open(place).value()->bytes(), 2));
}

TEST_P(LostSegment, WhatWasLostIsToldOfLaterWhereTheRingIsFull) {
  make(losing_);
  fill_ring_of_the_other();
  const Attachment sent = fill(one().allocate(10'000), 1);
  const PartPlace lost = pass_and_lose(sent).value();
  empty_ring_of_the_other();
  EXPECT_TRUE(one().locate(sent)) << "nobody has said it";
  EXPECT_FALSE(two().open(lost).ok());
  read_what_it_says();
  EXPECT_EQ(one().locate(sent), std::nullopt);
}

TEST_P(LostSegment, WhatWasLostAndDroppedIsNotToldOf) {
  make(losing_);
  fill_ring_of_the_other();
  Attachment sent = fill(one().allocate(10'000), 1);
  const PartPlace lost = pass_and_lose(sent).value();
  sent = {};
  EXPECT_FALSE(one().trim(losing_.now()));
  read_all();
  empty_ring_of_the_other();
  const std::uint64_t written = pair_.two->written();
  EXPECT_FALSE(two().open(lost).ok());
  EXPECT_EQ(pair_.two->written(), written);
}

TEST_P(LostSegment, EachTimeThatItWasTooSoonTheNextTryIsTwiceAsFar) {
  make(losing_);
  std::vector<Attachment> kept;
  const auto is_passed_after = [&](std::chrono::seconds more) {
    losing_.ahead += more;
    kept.push_back(fill(one().allocate(10'000), 1));
    const bool is_passed = pass_and_lose(kept.back()).has_value();
    read_what_it_says();
    return is_passed;
  };
  EXPECT_TRUE(is_passed_after(std::chrono::seconds(0)));
  EXPECT_TRUE(is_passed_after(std::chrono::seconds(6)));
  EXPECT_FALSE(is_passed_after(std::chrono::seconds(6)));
  EXPECT_TRUE(is_passed_after(std::chrono::seconds(5)));
  EXPECT_FALSE(is_passed_after(std::chrono::seconds(19)));
  EXPECT_TRUE(is_passed_after(std::chrono::seconds(2)));
  EXPECT_TRUE(is_passed_after(std::chrono::minutes(10))) << "long afterwards it is another shortage";
  EXPECT_TRUE(is_passed_after(std::chrono::seconds(6)));
}

TEST_P(LostSegment, APeerThatGoesOnLosingThemIsPassedNoMoreBeforeSomeAreFree) {
  make(losing_);
  std::vector<Attachment> kept;
  const auto lose_another = [&] {
    losing_.ahead += std::chrono::minutes(6);
    kept.push_back(fill(one().allocate(10'000), 1));
    const bool is_passed = pass_and_lose(kept.back()).has_value();
    read_what_it_says();
    return is_passed;
  };
  while (kept.size() < 100 && lose_another()) {
  }
  EXPECT_LT(kept.size(), 30U);
  const std::size_t mapped = testing_support::mapped_segments();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(lose_another());
  EXPECT_EQ(testing_support::mapped_segments(), mapped) << "and no more are made";
  kept.clear();
  EXPECT_FALSE(one().trim(losing_.now()));
  EXPECT_TRUE(lose_another());
}

TEST_P(LostSegment, ToLoseWhatWasNotPassedIsAViolation) {
  for (const Buffer& body : {lost_body(0), lost_body(2), Buffer(), Buffer(3), Buffer(4, std::byte{1}), Buffer(9)}) {
    make();
    const Attachment sent = fill(two().allocate(10'000), 1);
    ASSERT_EQ(two().locate(sent).value().segment, 1U);
    expect_violation(tell_lost(body));
  }
}

TEST_P(LostSegment, ToLoseItTwiceIsAViolation) {
  make();
  const Attachment sent = fill(two().allocate(10'000), 1);
  const Buffer body = lost_body(two().locate(sent).value().segment);
  EXPECT_TRUE(tell_lost(body).ok());
  expect_violation(tell_lost(body));
}

TEST_P(LostSegment, ToLoseWhatHasBeenDroppedMeanwhileMeansNothing) {
  make();
  Attachment sent = fill(two().allocate(10'000), 1);
  const Buffer body = lost_body(two().locate(sent).value().segment);
  sent = {};
  EXPECT_FALSE(two().trim(System::real().now()));
  EXPECT_TRUE(tell_lost(body).ok());
  EXPECT_TRUE(two().locate(fill(two().allocate(10'000), 2))) << "the next one is passed as ever";
}

}  // namespace
}  // namespace ipcbridge
