#include "core/endpoint/event_batch.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "core/rpc/stream.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::bytes_of;
using testing_support::text_of;

const StreamKey kOne{1, 2};
const StreamKey kOther{1, 3};

class StreamItemsInABatch : public testing::Test {
 protected:
  StreamItemsInABatch() { batch_.use(table_, slab_); }

  void add(const StreamKey& stream, std::uint32_t count, const std::string& items, MessageStorage* storage = nullptr) {
    const Buffer bytes = bytes_of(items);
    batch_.on_event(
        StreamItemsEvent{stream, count, storage == nullptr ? ConstBytes(bytes) : ConstBytes(storage->body), storage});
  }
  std::string text(std::size_t at) {
    const ConstBytes payload = batch_.payload(batch_.row(at));
    return text_of(Buffer(payload.begin(), payload.end()));
  }

  std::vector<std::uint32_t> table_ = std::vector<std::uint32_t>(16 * EventRow::kWords);
  Buffer slab_ = Buffer(256UL * 1024);
  EventBatch batch_;
};

TEST_F(StreamItemsInABatch, AreOneEventWhereTheyFollowEachOther) {
  add(kOne, 1, "one");
  add(kOne, 2, "two");
  ASSERT_EQ(batch_.size(), 1U);
  EXPECT_EQ(text(0), "onetwo");
  EXPECT_EQ(batch_.row(0).words[EventRow::kItems], 3U);
  EXPECT_EQ(batch_.row(0).words[EventRow::kItemsBytes], 2 * kItemsPrefixBytes + 6);
}

TEST_F(StreamItemsInABatch, OfTwoStreamsStayApart) {
  add(kOne, 1, "one");
  add(kOther, 1, "two");
  add(kOne, 1, "three");
  ASSERT_EQ(batch_.size(), 3U);
  EXPECT_EQ(text(0) + text(1) + text(2), "onetwothree");
}

TEST_F(StreamItemsInABatch, DoNotJoinALongMessage) {
  MessageStorage first{ByteBlock(bytes_of("long")), {}};
  add(kOne, 1, "", &first);
  add(kOne, 1, "one");
  MessageStorage last{ByteBlock(bytes_of("longer")), {}};
  add(kOne, 1, "", &last);
  ASSERT_EQ(batch_.size(), 3U);
  EXPECT_EQ(text(0) + text(1) + text(2), "longonelonger");
}

TEST_F(StreamItemsInABatch, DoNotJoinThoseOfTheBatchBefore) {
  add(kOne, 1, "one");
  batch_.reset();
  add(kOne, 1, "two");
  ASSERT_EQ(batch_.size(), 1U);
  EXPECT_EQ(text(0), "two");
}

}  // namespace
}  // namespace ipcbridge
