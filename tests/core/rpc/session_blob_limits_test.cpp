// Where there is no room for what comes in shared memory, or no memory left to send it in.
#include <string>

#include <gtest/gtest.h>

#include "tests/core/rpc/session_blobs_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::begin_message;
using testing_support::is_pattern;
using testing_support::items_of;
using testing_support::pattern;
using testing_support::request_body;

constexpr std::uint64_t kAccount = 100'000;

class SessionBlobLimits : public testing_support::SessionBlobs {};

TEST_F(SessionBlobLimits, AFullSharedMemoryRefusesTheCall) {
  client_memory_->is_exhausted = true;
  EXPECT_EQ(call(1, payload_).error().code, Code::kResourceExhausted);
  EXPECT_EQ(client_->session.pending_calls(), 0U);
  EXPECT_TRUE(call(2, pattern(60'000, 1)).ok()) << "what is not attached goes in fragments";
  settle_both();
  EXPECT_TRUE(is_pattern(server_->requests.at(0).payload, 1));
}

TEST_F(SessionBlobLimits, AFullSharedMemoryMakesAnErrorOfAReply) {
  ASSERT_TRUE(call(1, {}).ok());
  settle_both();
  server_memory_->is_exhausted = true;
  server_->session.reply(server_->requests.at(0).id, payload_);
  settle_both();
  EXPECT_EQ(client_->outcomes[1].at(0).code, Code::kResourceExhausted);
}

TEST_F(SessionBlobLimits, AFullSharedMemoryLeavesOutWhatIsAttachedToAnError) {
  ASSERT_TRUE(call(1, {}).ok());
  const std::uint64_t stream = open_argument();
  server_memory_->is_exhausted = true;
  client_memory_->is_exhausted = true;
  server_->capacity = 0;  // where they wait they are as when they are sent
  server_->session.reply_error(server_->requests.at(0).id, Code::kAborted, false, "no", payload_);
  const Error why{Code::kAborted, "enough"};
  client_->session.end_stream(stream, &why, payload_);
  server_->capacity = 100;
  settle_both();
  EXPECT_EQ(client_->outcomes[1].at(0).code, Code::kAborted);
  EXPECT_EQ(client_->outcomes[1][0].message, "no");
  EXPECT_TRUE(client_->outcomes[1][0].attachments.empty());
  EXPECT_EQ(server_->ends[stream].at(0).code, Code::kAborted);
  EXPECT_TRUE(server_->ends[stream][0].attachments.empty());
  expect_nothing_kept();
}

TEST_F(SessionBlobLimits, AFullSharedMemoryRefusesItems) {
  const std::uint64_t stream = open_argument();
  client_memory_->is_exhausted = true;
  EXPECT_EQ(client_->session.send_items(stream, {items_of("a"), one_}).error().code, Code::kResourceExhausted);
  client_memory_->is_exhausted = false;
  EXPECT_TRUE(client_->session.send_items(stream, {items_of("a"), one_}).ok());
  settle_both();
  EXPECT_EQ(server_->items[stream], "a");
}

TEST_F(SessionBlobLimits, SharedMemoryIsChargedUntilTheCallIsAnswered) {
  Account user(kAccount);
  make_shared(nullptr, &user);
  ASSERT_TRUE(call(1, payload_).ok());
  settle_both();
  EXPECT_GT(user.bytes(), 50'000U);
  EXPECT_LT(user.bytes(), 51'000U);
  ASSERT_TRUE(call(2, payload_).ok());
  settle_both();
  EXPECT_EQ(client_->outcomes[2].at(0).code, Code::kResourceExhausted);
  server_->session.reply(server_->requests.at(0).id, {});
  EXPECT_EQ(user.bytes(), 0U);
  settle_both();
  expect_nothing_kept();
}

TEST_F(SessionBlobLimits, ARefusedRequestReturnsWhatItBrought) {
  Account user(10'000);
  make_shared(nullptr, &user);
  ASSERT_TRUE(call(1, {pattern(20'000, 1), one_}).ok());
  EXPECT_EQ(client_->session.lent_blobs(), 2U);
  settle_both();
  EXPECT_EQ(client_->outcomes[1].at(0).code, Code::kResourceExhausted);
  expect_nothing_kept();
}

// The table of its first fragment is all that is looked at.
TEST_F(SessionBlobLimits, WhatFollowsOfARefusedRequestIsNotTakenForATable) {
  Account user(1'000);
  make_shared(nullptr, &user);
  const std::uint8_t flags = kFlagMore | kFlagAttached;
  ASSERT_TRUE(
      server_->receive(FrameType::kRequest, 1, begin_message(4'000, request_body(0, std::string(1'984, 'x'))), flags)
          .ok());
  AttachmentTable lie;
  lie.body = {Limits{}.max_message_bytes - 100, 1, 0, 1};
  Buffer rest = lie.encode();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(server_->receive(FrameType::kRequest, 1, rest, flags).ok());
  rest = Buffer(2'000 - 3 * rest.size());
  ASSERT_TRUE(server_->receive(FrameType::kRequest, 1, rest, kFlagAttached).ok());
  EXPECT_EQ(decode_error(server_->written.at(0).body).value().code, Code::kResourceExhausted);
  EXPECT_TRUE(server_memory_->returned().empty());
}

TEST_F(SessionBlobLimits, AnAnswerForWhichThereIsNoRoomReturnsWhatItBrought) {
  Account user(10'000);
  make_shared(&user);
  for (const std::size_t size : {0UL, 20'000UL}) {
    ASSERT_TRUE(call(1, {}).ok());
    settle_both();
    server_->session.reply(server_->requests.at(0).id, {pattern(size, 1), one_}, 0, references_);
    EXPECT_TRUE(server_->session.shares(references_[0]));
    settle_both();
    EXPECT_EQ(client_->outcomes[1].at(0).code, Code::kResourceExhausted) << size;
    EXPECT_EQ(server_->released, references_) << size;
    EXPECT_FALSE(server_->session.shares(references_[0]));
    server_->released.clear();
    expect_nothing_kept();
  }
}

TEST_F(SessionBlobLimits, AnAnswerInFragmentsForWhichThereIsNoRoomReturnsTheReferencesOfItsFirst) {
  Account user(10'000);
  make(nullptr, nullptr, &user);
  ASSERT_TRUE(call(1, {}).ok());
  settle_both();
  server_->session.reply(server_->requests.at(0).id, {pattern(20'000, 1), one_}, 0, references_);
  settle_both();
  EXPECT_EQ(client_->outcomes[1].at(0).code, Code::kResourceExhausted);
  EXPECT_EQ(server_->released, references_);
  EXPECT_EQ(client_->session.pending_calls(), 0U);
}

TEST_F(SessionBlobLimits, ItemsForWhichThereIsNoRoomReturnWhatTheyBrought) {
  Account user(10'000);
  make_shared(nullptr, &user);
  const std::uint64_t stream = open_argument();
  ASSERT_TRUE(client_->session.send_items(stream, {items_of("a"), one_}).ok());
  ASSERT_TRUE(client_->session.send_items(stream, {items_of("b"), one_}).ok());
  settle_both();
  EXPECT_EQ(server_->ends[stream].at(0).code, Code::kResourceExhausted);
  EXPECT_TRUE(server_->items[stream].empty());
  expect_nothing_kept();
}

TEST_F(SessionBlobLimits, AnEndForWhichThereIsNoRoomReturnsWhatItBrought) {
  Account user(10'000);
  make_shared(nullptr, &user);
  const std::uint64_t stream = open_argument();
  const Error why{Code::kAborted, "enough"};
  client_->session.end_stream(stream, &why, payload_);
  settle_both();
  EXPECT_EQ(server_->ends[stream].at(0).code, Code::kResourceExhausted);
  EXPECT_EQ(server_->session.open_streams(), 0U);
  expect_nothing_kept();
}

TEST_F(SessionBlobLimits, WhatIsAttachedToTheEndOfAStreamIsChargedUntilItsCallIsAnswered) {
  Account user(kAccount);
  make_shared(nullptr, &user);
  const std::uint64_t stream = open_argument();
  const Error why{Code::kAborted, "enough"};
  client_->session.end_stream(stream, &why, payload_);
  settle_both();
  EXPECT_GT(user.bytes(), 50'000U);
  server_->session.reply(server_->requests.at(0).id, {});
  EXPECT_EQ(user.bytes(), 0U);
}

}  // namespace
}  // namespace ipcbridge
