#include "core/rpc/reassembly.hpp"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "core/rpc/stream.hpp"
#include "tests/core/rpc/direct_memory.hpp"
#include "tests/core/support/failing_memory.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::DirectMemory;
using testing_support::header_of;
using testing_support::is_pattern;
using testing_support::pattern;

constexpr std::uint64_t kLimit = 100'000;
constexpr std::uint64_t kId = 9;

class ReassemblyTest : public testing::Test {
 protected:
  ReassemblyTest() { sender_.connect(receiver_); }

  Result<bool> add(ConstBytes body, bool last, std::uint8_t flags = 0, std::uint64_t id = kId) {
    const auto all = static_cast<std::uint8_t>(flags | kFlagAttached | (last ? 0 : kFlagMore));
    return messages_.add(header_of(FrameType::kRequest, id, body.size(), all), body, whole_);
  }
  Result<bool> begin(const AttachmentTable& table, ConstBytes part, bool last, std::uint64_t id = kId) {
    Buffer body = table.encode();
    append(body, part);
    return add(body, last, 0, id);
  }
  static AttachmentTable sizes(std::uint64_t body, const std::vector<std::uint64_t>& attachments = {}) {
    AttachmentTable table;
    table.body.bytes = body;
    for (const std::uint64_t size : attachments) table.attachments.push_back({size, 0, 0, 0});
    return table;
  }
  // In the shared memory of the sender, with such a pattern.
  PartPlace share(std::size_t size, std::uint32_t seed, std::uint64_t number) {
    const Attachment shared(sender_.allocate(size).value());
    const Buffer content = pattern(size, seed);
    std::copy(content.begin(), content.end(), shared.bytes.begin());
    PartPlace place = sender_.locate(shared).value();
    place.blob = number;
    kept_.push_back(shared);
    return place;
  }
  static void expect(const Result<bool>& result, bool complete) {
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(result.value(), complete);
  }
  static void expect_malformed(const Result<bool>& result) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, Code::kDataLoss) << result.error().message;
  }

  DirectMemory sender_;
  DirectMemory receiver_;
  Reassembly messages_{kLimit, &receiver_};
  MessageStorage whole_;
  Attachments kept_;
};

TEST_F(ReassemblyTest, PutsABodyTogetherThatIsInSeveralFrames) {
  const Buffer body = pattern(50'000, 1);
  const ConstBytes bytes(body);
  expect(begin(sizes(50'000), bytes.first(10'000), false), false);
  EXPECT_TRUE(messages_.has(kId));
  EXPECT_EQ(messages_.received(kId).size(), 10'000U);
  expect(add(bytes.subspan(10'000, 20'000), false), false);
  expect(add(bytes.subspan(30'000), true), true);
  EXPECT_TRUE(is_pattern(whole_.body, 1));
  EXPECT_TRUE(whole_.attachments.empty());
  EXPECT_FALSE(messages_.has(kId));
}

TEST_F(ReassemblyTest, InlinePartsFollowOneAnotherAndEmptyOnesTakeNothing) {
  expect(begin(sizes(100, {0, 300, 0, 500, 0}), pattern(100, 1), false), false);
  expect(add(ConstBytes(pattern(300, 2)).first(299), false), false);
  expect(add(ConstBytes(pattern(300, 2)).last(1), false), false);
  expect(add(pattern(500, 3), true), true);
  EXPECT_TRUE(is_pattern(whole_.body, 1));
  ASSERT_EQ(whole_.attachments.size(), 5U);
  EXPECT_TRUE(is_pattern(whole_.attachments[1].bytes, 2));
  EXPECT_TRUE(is_pattern(whole_.attachments[3].bytes, 3));
  for (const std::size_t at : {0UL, 2UL, 4UL}) EXPECT_TRUE(whole_.attachments[at].bytes.empty());
}

TEST_F(ReassemblyTest, ABodyMayBeEmpty) {
  expect(begin(sizes(0, {10}), {}, false), false);
  expect(add(pattern(10, 1), true), true);
  EXPECT_TRUE(whole_.body.empty());
  EXPECT_TRUE(is_pattern(whole_.attachments.at(0).bytes, 1));
  expect(begin(sizes(0), {}, true), true);
  EXPECT_TRUE(whole_.attachments.empty());
  expect(begin(sizes(0, {0, 0}), {}, true), true);
  EXPECT_EQ(whole_.attachments.size(), 2U);
}

TEST_F(ReassemblyTest, WhatIsInSharedMemoryIsSeenThereAndTheBodyIsCopied) {
  AttachmentTable table;
  table.body = share(20'000, 1, 1);
  table.attachments = {share(30'000, 2, 2), share(1, 3, 3)};
  expect(begin(table, {}, true), true);
  EXPECT_TRUE(is_pattern(whole_.body, 1));
  EXPECT_EQ(receiver_.returned(), std::vector<std::uint64_t>{1}) << "the copy is all that is needed";
  ASSERT_EQ(whole_.attachments.size(), 2U);
  EXPECT_TRUE(whole_.attachments[0].memory->is_shared());
  EXPECT_TRUE(is_pattern(whole_.attachments[0].bytes, 2));
  EXPECT_TRUE(is_pattern(whole_.attachments[1].bytes, 3));
  whole_ = {};
  EXPECT_EQ(receiver_.returned(), (std::vector<std::uint64_t>{2, 3}));
}

TEST_F(ReassemblyTest, PartsMayBeInBoth) {
  AttachmentTable table = sizes(100, {200, 0});
  table.attachments.insert(table.attachments.begin(), share(300, 2, 7));
  table.attachments.push_back(share(400, 3, 8));
  expect(begin(table, pattern(100, 1), false), false);
  expect(add(pattern(200, 4), true), true);
  EXPECT_TRUE(is_pattern(whole_.body, 1));
  EXPECT_TRUE(is_pattern(whole_.attachments.at(0).bytes, 2));
  EXPECT_TRUE(is_pattern(whole_.attachments.at(1).bytes, 4));
  EXPECT_TRUE(whole_.attachments.at(2).bytes.empty());
  EXPECT_TRUE(is_pattern(whole_.attachments.at(3).bytes, 3));
}

TEST_F(ReassemblyTest, ASharedBodyMayStandBeforeInlineAttachments) {
  AttachmentTable table = sizes(0, {200});
  table.body = share(5'000, 1, 7);
  expect(begin(table, {}, false), false);
  expect(add(pattern(200, 2), true), true);
  EXPECT_TRUE(is_pattern(whole_.body, 1));
  EXPECT_TRUE(is_pattern(whole_.attachments.at(0).bytes, 2));
}

TEST_F(ReassemblyTest, TheStreamsStandBeforeTheBody) {
  const auto streams = encode_stream_range({2, 1});
  const Buffer body = pattern(1'000, 1);
  const ConstBytes bytes(body);
  Buffer first(streams.begin(), streams.end());
  append(first, ConstBytes(sizes(1'000).encode()));
  append(first, bytes.first(400));
  expect(add(first, false, kFlagStreams), false);
  EXPECT_EQ(messages_.received(kId).size(), kStreamRangeBytes + 400);
  EXPECT_EQ(messages_.place_of(header_of(FrameType::kRequest, kId, 600)).size(), 600U);
  expect(add(bytes.subspan(400), true, kFlagStreams), true);
  ASSERT_EQ(whole_.body.size(), kStreamRangeBytes + 1'000);
  EXPECT_TRUE(std::equal(streams.begin(), streams.end(), whole_.body.begin()));
  EXPECT_TRUE(is_pattern(ConstBytes(whole_.body).subspan(kStreamRangeBytes), 1));
}

TEST_F(ReassemblyTest, TheStreamsStandBeforeASharedBodyAsWell) {
  const auto streams = encode_stream_range({2, 1});
  Buffer first(streams.begin(), streams.end());
  AttachmentTable table;
  table.body = share(20'000, 1, 1);
  append(first, ConstBytes(table.encode()));
  expect(add(first, true, kFlagStreams), true);
  EXPECT_TRUE(is_pattern(ConstBytes(whole_.body).subspan(kStreamRangeBytes), 1));
  for (std::size_t size = 0; size < kStreamRangeBytes; ++size) {
    expect_malformed(add(ConstBytes(first).first(size), true, kFlagStreams));
  }
}

TEST_F(ReassemblyTest, BytesMayBeReceivedWhereTheyBelong) {
  expect(begin(sizes(5'000, {3'000}), pattern(2'000, 1), false), false);
  const auto receive = [&](std::uint64_t size, std::uint32_t seed, bool last) {
    const MutableBytes place = messages_.place_of(header_of(FrameType::kRequest, kId, size));
    ASSERT_EQ(place.size(), size);
    const Buffer content = pattern(size, seed);
    std::copy(content.begin(), content.end(), place.begin());
    expect(add(place, last), last);
  };
  receive(3'000, 2, false);
  receive(1'000, 3, false);
  receive(2'000, 4, true);
  EXPECT_TRUE(is_pattern(ConstBytes(whole_.body).subspan(2'000), 2));
  EXPECT_TRUE(is_pattern(whole_.attachments.at(0).bytes.first(1'000), 3));
  EXPECT_TRUE(is_pattern(whole_.attachments.at(0).bytes.subspan(1'000), 4));
}

TEST_F(ReassemblyTest, OnlyWhatFitsHasAPlace) {
  const auto place_of = [&](FrameType type, std::uint64_t id, std::uint64_t size) {
    return messages_.place_of(header_of(type, id, size));
  };
  EXPECT_TRUE(place_of(FrameType::kRequest, kId, 1).empty()) << "nothing has begun";
  expect(begin(sizes(5'000, {10}), pattern(1'000, 1), false), false);
  EXPECT_EQ(place_of(FrameType::kRequest, kId, 4'000).size(), 4'000U);
  EXPECT_TRUE(place_of(FrameType::kRequest, kId, 4'001).empty());
  EXPECT_TRUE(place_of(FrameType::kNotify, kId, 100).empty()) << "of another type";
  EXPECT_TRUE(place_of(FrameType::kRequest, kId + 1, 100).empty()) << "of another message";
  EXPECT_TRUE(messages_.drop(kId));
  EXPECT_FALSE(messages_.drop(kId));
  EXPECT_TRUE(place_of(FrameType::kRequest, kId, 100).empty());
}

TEST_F(ReassemblyTest, AFragmentWithBytesOfTwoPartsIsMalformed) {
  expect_malformed(begin(sizes(100, {100}), pattern(101, 1), false));
  expect(begin(sizes(100, {100, 100}), pattern(100, 1), false, 1), false);
  expect_malformed(add(pattern(101, 1), false, 0, 1));
}

TEST_F(ReassemblyTest, AMessageOfAnotherSizeThanItSaysIsMalformed) {
  expect_malformed(begin(sizes(100), pattern(99, 1), true, 1));
  expect_malformed(begin(sizes(100), pattern(101, 1), true, 2));
  expect_malformed(begin(sizes(100), pattern(100, 1), false, 3));
  expect_malformed(begin(sizes(0), {}, false, 4));
  expect_malformed(begin(sizes(0), pattern(1, 1), true, 5));
  expect_malformed(begin(sizes(0, {10}), {}, true, 6));
  AttachmentTable shared;
  shared.body = share(100, 1, 1);
  expect_malformed(begin(shared, pattern(1, 1), true, 7));
  expect_malformed(begin(shared, {}, false, 8));
}

TEST_F(ReassemblyTest, FragmentsThatDisagreeAreMalformed) {
  expect(begin(sizes(100), pattern(10, 1), false), false);
  expect_malformed(add(pattern(10, 1), false, kFlagReference));
  expect_malformed(add({}, false));
  expect_malformed(
      messages_.add(header_of(FrameType::kNotify, kId, 1, kFlagAttached | kFlagMore), pattern(1, 1), whole_));
  expect_malformed(messages_.add(header_of(FrameType::kRequest, kId, 1, kFlagMore), pattern(1, 1), whole_));
  expect_malformed(messages_.add(header_of(FrameType::kRequest, 77, 1, kFlagMore), pattern(1, 1), whole_));
}

TEST_F(ReassemblyTest, ATableOverTheLimitIsMalformed) {
  expect(begin(sizes(kLimit), pattern(1, 1), false, 1), false);
  EXPECT_TRUE(messages_.drop(1));
  expect_malformed(begin(sizes(kLimit + 1), {}, false, 2));
  expect_malformed(begin(sizes(kLimit, {1}), {}, false, 3));
  expect_malformed(begin(sizes(1, {~0ULL}), {}, false, 4));
  AttachmentTable shared;
  shared.body = {kLimit + 1, 1, 0, 1};
  expect_malformed(begin(shared, {}, true, 5));
}

// Memory is promised for all of what they announce.
TEST_F(ReassemblyTest, UnfinishedMessagesTogetherStayWithinTheLimitOfOne) {
  expect(begin(sizes(60'000), pattern(10, 1), false, 1), false);
  expect_malformed(begin(sizes(40'001), pattern(10, 1), false, 2));
  expect(begin(sizes(40'000), pattern(10, 1), false, 3), false);
  expect(begin(sizes(10), pattern(10, 1), true, 4), true);
  EXPECT_TRUE(messages_.drop(1));
  expect(begin(sizes(30'000), pattern(10, 1), false, 5), false);
  expect(begin(sizes(0, {10}), {}, false, 6), false);
  expect(add(pattern(10, 1), true, 0, 6), true);
  expect(begin(sizes(30'000), pattern(10, 1), false, 7), false);
}

TEST_F(ReassemblyTest, WithoutSharedMemoryNothingIsThere) {
  Reassembly alone(kLimit);
  AttachmentTable table;
  table.attachments = {{1, 1, 0, 1}};
  const Buffer body = table.encode();
  expect_malformed(alone.add(header_of(FrameType::kRequest, 1, body.size(), kFlagAttached), body, whole_));
}

TEST_F(ReassemblyTest, NonsenseAboutSharedMemoryIsMalformedAndTheRestIsReturned) {
  AttachmentTable table = sizes(0);
  table.attachments = {share(100, 1, 1), share(100, 2, 2), share(100, 3, 3)};
  table.attachments[1].offset = ~0ULL;
  expect_malformed(begin(table, {}, true));
  EXPECT_EQ(receiver_.returned(), (std::vector<std::uint64_t>{1, 3}));
}

TEST_F(ReassemblyTest, ADroppedMessageReturnsWhatItHasInSharedMemory) {
  AttachmentTable table = sizes(100);
  table.attachments = {share(100, 1, 4)};
  expect(begin(table, pattern(50, 1), false), false);
  EXPECT_TRUE(receiver_.returned().empty());
  EXPECT_TRUE(messages_.drop(kId));
  EXPECT_EQ(receiver_.returned(), std::vector<std::uint64_t>{4});
}

TEST_F(ReassemblyTest, WhateverAllocationFailsAllOfTheSharedMemoryIsReturned) {
  AttachmentTable table;
  table.body = share(20'000, 1, 1);
  table.attachments = {share(100, 2, 2), {0, 0, 0, 0}, share(100, 3, 3)};
  const Buffer body = table.encode();
  const FrameHeader header = header_of(FrameType::kRequest, kId, body.size(), kFlagAttached);
  ASSERT_TRUE(messages_.add(header, body, whole_).ok());
  whole_ = {};
  static_cast<void>(receiver_.returned());
  bool failed = true;
  int refused = 0;
  for (std::size_t spared = 0; failed; ++spared) {
    receiver_.opened.reserve(receiver_.opened.size() + 10);
    {
      const testing_support::FailingMemory failing(spared, 1);
      const testing_support::FailingMemory::Armed armed;
      try {
        EXPECT_TRUE(messages_.add(header, body, whole_).ok());
      } catch (const std::bad_alloc&) {
        ++refused;
      }
      failed = testing_support::FailingMemory::has_failed();
    }
    EXPECT_FALSE(messages_.has(kId));
    whole_ = {};
    std::vector<std::uint64_t> returned = receiver_.returned();
    std::sort(returned.begin(), returned.end());
    // Before the table is there nobody knows of them, and where there is no memory to note one it is not noted.
    if (spared > 0) {
      EXPECT_GE(returned.size(), 2U) << spared;
    }
    EXPECT_EQ(std::adjacent_find(returned.begin(), returned.end()), returned.end()) << "none is freed twice";
  }
  EXPECT_GT(refused, 2);
}

}  // namespace
}  // namespace ipcbridge
