// What two sessions keep of the memory that they share, and give back.
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/rpc/session_blobs_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::begin_message;
using testing_support::is_pattern;
using testing_support::items_of;
using testing_support::pattern;
using testing_support::request_body;
using testing_support::SessionBlobs;

TEST_F(SessionBlobs, WhatLiesThereAlreadyIsNotCopied) {
  const Attachments sent{Attachment(client_memory_->allocate(50'000).value())};
  ASSERT_TRUE(call(1, {as_bytes("x"), sent}).ok());
  EXPECT_EQ(client_->written.size(), 1U);
  settle_both();
  const Attachments& received = server_->requests.at(0).attachments;
  sent[0].bytes[49'999] = std::byte{77};
  EXPECT_EQ(received.at(0).bytes[49'999], std::byte{77});
  EXPECT_TRUE(received[0].memory->is_shared());
  EXPECT_FALSE(received[0].memory->is_writable());
}

TEST_F(SessionBlobs, APartOfWhatLiesThereIsThatPart) {
  const BlobRef blob = client_memory_->allocate(50'000).value();
  const Buffer content = pattern(50'000, 1);
  std::copy(content.begin(), content.end(), blob->data());
  const Attachments sent{Attachment(blob, blob->bytes().subspan(17, 1'000)), Attachment(blob)};
  ASSERT_TRUE(call(1, {as_bytes("x"), sent}).ok());
  settle_both();
  const Attachments& received = server_->requests.at(0).attachments;
  ASSERT_EQ(received.at(0).bytes.size(), 1'000U);
  EXPECT_TRUE(std::equal(received[0].bytes.begin(), received[0].bytes.end(), content.begin() + 17));
  EXPECT_TRUE(is_pattern(received.at(1).bytes, 1));
}

TEST_F(SessionBlobs, AreLentUntilTheyAreFreed) {
  ASSERT_TRUE(call(1, payload_).ok());
  EXPECT_EQ(client_->session.lent_blobs(), 1U);
  settle_both();
  server_->session.reply(server_->requests.at(0).id, {});
  settle_both();
  EXPECT_EQ(client_->session.lent_blobs(), 1U) << "the answer frees nothing";
  server_->requests.clear();
  return_all();
  EXPECT_EQ(client_->session.lent_blobs(), 0U);
}

TEST_F(SessionBlobs, ASteadyStateTellsOfNoMoreSegments) {
  const auto exchange = [this] {
    ASSERT_TRUE(call(1, payload_).ok());
    settle_both();
    server_->session.reply(server_->requests.at(0).id, payload_);
    settle_both();
    expect_nothing_kept();
  };
  for (int round = 0; round < 100; ++round) exchange();
  const int of_client = client_memory_->segments;
  const int of_server = server_memory_->segments;
  for (int round = 0; round < 100; ++round) exchange();
  EXPECT_EQ(client_memory_->segments, of_client);
  EXPECT_EQ(server_memory_->segments, of_server);
}

TEST_F(SessionBlobs, TwoMessagesMayTellOfTheSame) {
  const Attachments sent{Attachment(client_memory_->allocate(50'000).value())};
  ASSERT_TRUE(call(1, {as_bytes("x"), sent}).ok());
  ASSERT_TRUE(call(2, {as_bytes("x"), sent}).ok());
  settle_both();
  EXPECT_EQ(client_->session.lent_blobs(), 2U);
  expect_nothing_kept();
}

TEST_F(SessionBlobs, FreeingWhatWasNeverLentIsAViolation) {
  expect_refused(free(*client_, {1}));
  ASSERT_TRUE(call(1, payload_).ok());
  expect_refused(free(*client_, {2}));
  expect_refused(free(*client_, {0}));
}

TEST_F(SessionBlobs, FreeingTwiceIsAViolation) {
  ASSERT_TRUE(call(1, payload_).ok());
  ASSERT_TRUE(free(*client_, {1}).ok());
  expect_refused(free(*client_, {1}));
}

TEST_F(SessionBlobs, FreeingNothingIsAViolation) {
  ASSERT_TRUE(call(1, payload_).ok());
  expect_refused(free(*client_, {}));
  for (std::size_t size = 1; size < 8; ++size) {
    expect_refused(client_->receive(FrameType::kFree, 0, Buffer(size)));
  }
  Buffer odd(9);
  odd[0] = std::byte{1};
  expect_refused(client_->receive(FrameType::kFree, 0, odd));
}

TEST_F(SessionBlobs, WithoutSharedMemoryThereIsNothingToFree) {
  make(nullptr, nullptr);
  ASSERT_TRUE(call(1, payload_).ok());
  expect_refused(free(*client_, {1}));
}

TEST_F(SessionBlobs, SharedMemoryWhereThereIsNoneIsAViolation) {
  make(client_memory_.get(), nullptr);
  ASSERT_TRUE(call(1, payload_).ok());
  expect_refused(settle(*client_, *server_));
}

TEST_F(SessionBlobs, WhatCannotBeSharedTravelsInFragments) {
  const auto exchange = [&] {
    ASSERT_TRUE(call(1, payload_).ok());
    EXPECT_EQ(client_->session.lent_blobs(), 0U);
    settle_both();
    EXPECT_TRUE(is_pattern(server_->requests.at(0).attachments.at(0).bytes, 1));
    EXPECT_FALSE(server_->requests[0].attachments[0].memory->is_shared());
    server_->session.reply(server_->requests[0].id, {});
    settle_both();
    server_->requests.clear();
  };
  client_memory_->has_none = true;
  exchange();
  client_memory_->has_none = false;
  client_memory_->passes = false;
  exchange();
  client_memory_->passes = true;
  client_memory_->tells = false;
  exchange();
  EXPECT_EQ(client_memory_->passed, 1) << "the descriptor is on its way";
  exchange();
  EXPECT_EQ(client_memory_->passed, 1) << "and no other";
  client_memory_->tells = true;
  ASSERT_TRUE(call(2, payload_).ok());
  EXPECT_EQ(client_->session.lent_blobs(), 1U);
  settle_both();
  EXPECT_TRUE(server_->requests.at(0).attachments.at(0).memory->is_shared());
}

TEST_F(SessionBlobs, AnEndedConnectionLendsNothingAndAllocatesNothing) {
  const BlobRef kept = client_memory_->allocate(10'000).value();
  const auto allocate = client_memory_->allocator();
  ASSERT_TRUE(call(1, payload_).ok());
  client_->session.fail(CloseReason::peer_gone());
  EXPECT_EQ(client_->session.lent_blobs(), 0U);
  // The peer may go on looking at what it has: to write there would change what it sees.
  const Result<BlobRef> none = allocate(10'000);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none.value(), nullptr);
  kept->data()[9'999] = std::byte{1};
}

TEST_F(SessionBlobs, ItemsOfACancelledStreamReturnWhatTheyBrought) {
  const std::uint64_t stream = open_argument();
  ASSERT_TRUE(client_->session.send_items(stream, {items_of("a"), one_}).ok());
  const Error why{Code::kAborted, "enough"};
  client_->session.end_stream(stream, &why, payload_);
  server_->session.cancel_stream(stream);
  settle_both();
  EXPECT_TRUE(server_->items[stream].empty());
  EXPECT_EQ(server_->session.open_streams(), 0U);
  expect_nothing_kept();
}

TEST_F(SessionBlobs, WhatFollowsOfAnItemOfACancelledStreamIsNotTakenForATable) {
  const std::uint64_t stream = open_result();
  const std::uint8_t flags = kFlagMore | kFlagAttached;
  ASSERT_TRUE(client_->receive(FrameType::kStreamItem, stream, begin_message(10'000, Buffer(1'000)), flags).ok());
  client_->session.cancel_stream(stream);
  AttachmentTable lie;
  lie.body = {100, 77, 0, 1};
  ASSERT_TRUE(client_->receive(FrameType::kStreamItem, stream, lie.encode(), flags).ok());
  ASSERT_TRUE(client_->receive(FrameType::kStreamItem, stream, lie.encode(), kFlagAttached).ok());
  EXPECT_TRUE(client_memory_->returned().empty());
  ASSERT_TRUE(client_->receive(FrameType::kStreamItem, stream, lie.encode(), kFlagAttached).ok());
  EXPECT_EQ(client_memory_->returned(), std::vector<std::uint64_t>{77}) << "this begins another";
}

TEST_F(SessionBlobs, WhatCannotBeReadFailsItsCallAlone) {
  // As where the receiver had no descriptor left for the segment.
  Fd lost;
  ASSERT_TRUE(call(1, payload_).ok());
  client_->written.clear();
  AttachmentTable table;
  table.attachments = {{100, 9, 0, 55}};
  Buffer segment(16);
  store(segment.data(), std::uint32_t{55});
  store(segment.data() + 8, std::uint64_t{4096});
  server_memory_->ring().on_descriptor(Fd());
  ASSERT_TRUE(server_memory_->ring().on_segment(segment).ok());
  Buffer body = table.encode();
  append(body, ConstBytes(request_body(0, "x")));
  store(body.data() + 8, std::uint64_t{17});
  ASSERT_TRUE(server_->receive(FrameType::kRequest, 1, body, kFlagAttached).ok());
  EXPECT_TRUE(server_->requests.empty());
  EXPECT_EQ(decode_error(server_->written.at(0).body).value().code, Code::kResourceExhausted);
  EXPECT_EQ(server_memory_->returned(), std::vector<std::uint64_t>{9});
}

TEST_F(SessionBlobs, NonsenseAboutThemIsAViolation) {
  ASSERT_TRUE(call(1, payload_).ok());
  settle_both();
  const auto request = [&](std::uint64_t id, const PartPlace& place) {
    AttachmentTable table;
    const Buffer prefix = request_body(0, "");
    table.body.bytes = prefix.size();
    table.attachments = {place};
    Buffer body = table.encode();
    append(body, ConstBytes(prefix));
    return server_->receive(FrameType::kRequest, id, body, kFlagAttached);
  };
  EXPECT_TRUE(request(3, {4096, 5, 0, 1}).ok());
  expect_refused(request(5, {4096, 5, 0, 2}));
  expect_refused(request(7, {4096, 5, ~0ULL, 1}));
  expect_refused(request(9, {~0ULL, 5, 0, 1}));
  expect_refused(request(11, {Limits{}.max_message_bytes, 5, 0, 1}));
}

}  // namespace
}  // namespace ipcbridge
