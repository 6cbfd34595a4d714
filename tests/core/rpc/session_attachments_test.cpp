// What is attached to messages, inline and in shared memory.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/rpc/session_attachments_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::attach;
using testing_support::is_pattern;
using testing_support::items_of;
using testing_support::pattern;
using testing_support::SessionAttachments;

class SessionAttachmentsAnyWay : public SessionAttachments, public testing::WithParamInterface<const char*> {
 protected:
  SessionAttachmentsAnyWay() {
    const std::string way = GetParam();
    if (way == "inline") {
      make(nullptr, nullptr);
    } else {
      client_memory_ = std::make_unique<testing_support::DirectMemory>(way == "shared");
      server_memory_ = std::make_unique<testing_support::DirectMemory>(way == "shared");
      client_memory_->connect(*server_memory_);
      make(client_memory_.get(), server_memory_.get());
    }
  }

  // Of several sizes, the i-th with the pattern i.
  static Attachments several() {
    Attachments attachments;
    for (const std::size_t size : {0UL, 1UL, 5'000UL, 100'000UL, 0UL}) {
      attachments.push_back(attach(pattern(size, static_cast<std::uint32_t>(attachments.size()))));
    }
    return attachments;
  }
  static void expect_several(const Attachments& attachments) {
    ASSERT_EQ(attachments.size(), 5U);
    for (std::uint32_t i = 0; i < 5; ++i) EXPECT_TRUE(is_pattern(attachments[i].bytes, i)) << i;
    EXPECT_EQ(attachments[3].bytes.size(), 100'000U);
  }
};

INSTANTIATE_TEST_SUITE_P(Ways, SessionAttachmentsAnyWay, testing::Values("inline", "shared", "copied"),
                         [](const auto& way) { return std::string(way.param); });

TEST_P(SessionAttachmentsAnyWay, OfARequestAndItsReplyArrive) {
  const Attachments sent = several();
  for (const std::size_t size : {0UL, 10UL, 16'000UL, 16'368UL, 16'369UL, 60'000UL}) {
    const Buffer payload = pattern(size, 7);
    ASSERT_TRUE(call(1, {payload, sent}).ok());
    settle_both();
    ASSERT_EQ(server_->requests.size(), 1U);
    EXPECT_TRUE(is_pattern(server_->requests[0].payload, 7));
    expect_several(server_->requests[0].attachments);
    server_->session.reply(server_->requests[0].id, {payload, sent});
    settle_both();
    ASSERT_EQ(client_->outcomes[1].size(), 1U);
    EXPECT_EQ(client_->outcomes[1][0].code, Code::kOk);
    EXPECT_TRUE(is_pattern(client_->outcomes[1][0].payload, 7));
    expect_several(client_->outcomes[1][0].attachments);
    expect_nothing_kept();
  }
}

TEST_P(SessionAttachmentsAnyWay, OfANotificationArrive) {
  const Attachments sent = several();
  Request request;
  request.notify = true;
  request.attachments = sent;
  ASSERT_TRUE(client_->session.call(1, request).ok());
  settle_both();
  ASSERT_EQ(server_->requests.size(), 1U);
  EXPECT_TRUE(server_->requests[0].notify);
  expect_several(server_->requests[0].attachments);
  server_->session.reply(server_->requests[0].id, {});
  settle_both();
  expect_nothing_kept();
}

TEST_P(SessionAttachmentsAnyWay, StandBehindStreamsAndReferences) {
  const Attachments sent = several();
  Request request;
  request.streams.count = 2;
  request.attachments = sent;
  ASSERT_TRUE(client_->session.call(1, request).ok());
  settle_both();
  EXPECT_EQ(server_->requests.at(0).streams.count, 2U);
  EXPECT_EQ(client_->opened.at(1).count, 2U);
  expect_several(server_->requests[0].attachments);
  const std::vector<std::uint64_t> references{References::kRetained | 3U};
  const Buffer payload = pattern(40'000, 1);
  EXPECT_NE(server_->session.reply(server_->requests[0].id, {payload, sent}, 1, references), 0U);
  settle_both();
  const auto& outcome = client_->outcomes[1].at(0);
  EXPECT_EQ(outcome.streams.count, 1U);
  EXPECT_TRUE(is_pattern(outcome.payload, 1));
  expect_several(outcome.attachments);
  EXPECT_TRUE(server_->session.shares(references[0]));
  expect_nothing_kept();
}

TEST_P(SessionAttachmentsAnyWay, OfTheDetailsOfAnErrorArrive) {
  const Attachments sent = several();
  ASSERT_TRUE(call(1, {}).ok());
  settle_both();
  const Buffer details = pattern(100, 2);
  server_->session.reply_error(server_->requests.at(0).id, Code::kAborted, false, "no", {details, sent});
  settle_both();
  const auto& outcome = client_->outcomes[1].at(0);
  EXPECT_EQ(outcome.code, Code::kAborted);
  EXPECT_EQ(outcome.message, "no");
  EXPECT_TRUE(is_pattern(outcome.payload, 2));
  expect_several(outcome.attachments);
  expect_nothing_kept();
}

TEST_P(SessionAttachmentsAnyWay, OfTheItemsOfAStreamArriveAndCount) {
  const std::uint64_t stream = open_argument();
  const Attachments sent = several();
  const Buffer items = items_of("ab");
  const StreamRoom before = client_->session.stream_room(stream).value();
  ASSERT_TRUE(client_->session.send_items(stream, {items, sent}).ok());
  settle_both();
  EXPECT_EQ(server_->items[stream], "ab");
  EXPECT_EQ(server_->item_bytes[stream], items.size() + total_bytes(sent));
  expect_several(server_->item_attachments[stream]);
  const StreamRoom after = client_->session.stream_room(stream).value();
  EXPECT_EQ(before.bytes - after.bytes, items.size() + total_bytes(sent));
  expect_nothing_kept();
  server_->session.consume_stream(stream, 2, server_->item_bytes[stream]);
  settle_both();
}

TEST_P(SessionAttachmentsAnyWay, OfTheEndOfAStreamArrive) {
  const std::uint64_t stream = open_argument();
  const Attachments sent = several();
  const Error why{Code::kAborted, "enough"};
  client_->session.end_stream(stream, &why, {as_bytes("details"), sent});
  settle_both();
  const auto& end = server_->ends[stream].at(0);
  EXPECT_EQ(end.code, Code::kAborted);
  EXPECT_EQ(as_text(end.payload), "details");
  expect_several(end.attachments);
  expect_nothing_kept();
}

TEST_P(SessionAttachmentsAnyWay, WhatWaitsInAFullChannelArrivesLater) {
  const Attachments sent = several();
  for (std::uint64_t token = 1; token <= 3; ++token) ASSERT_TRUE(call(token, {}).ok());
  settle_both();
  server_->capacity = 0;
  for (const auto& request : server_->requests) server_->session.reply(request.id, {as_bytes("x"), sent});
  EXPECT_TRUE(server_->written.empty());
  server_->capacity = 1;
  settle_both();
  for (std::uint64_t token = 1; token <= 3; ++token) expect_several(client_->outcomes[token].at(0).attachments);
  expect_nothing_kept();
}

TEST_P(SessionAttachmentsAnyWay, ACallForWhichAFullChannelHasNoRoomHasLentNothing) {
  client_->capacity = 0;
  const Attachments sent = several();
  const Result<std::uint64_t> id = call(1, {as_bytes("x"), sent});
  ASSERT_TRUE(id.ok());
  EXPECT_EQ(client_->session.lent_blobs(), 0U);
  if (id.value() == 0) {
    EXPECT_EQ(client_->session.pending_calls(), 0U);
  }
  client_->capacity = 100;
  settle_both();
  if (id.value() == 0) {
    ASSERT_NE(call(1, {as_bytes("x"), sent}).value(), 0U);
  }
  settle_both();
  expect_several(server_->requests.at(0).attachments);
}

TEST_P(SessionAttachmentsAnyWay, MoreThanATableHasAreRefused) {
  const Attachments sent(AttachmentTable::kMaxAttachments + 1, attach(pattern(1, 1)));
  EXPECT_EQ(call(1, {{}, sent}).error().code, Code::kInternal);
  EXPECT_TRUE(call(2, {{}, std::span(sent).first(AttachmentTable::kMaxAttachments)}).ok());
  settle_both();
  EXPECT_EQ(server_->requests.at(0).attachments.size(), AttachmentTable::kMaxAttachments);
  server_->session.reply(server_->requests[0].id, {{}, sent});
  settle_both();
  EXPECT_EQ(client_->outcomes[2].at(0).code, Code::kInternal);
  expect_nothing_kept();
}

TEST_P(SessionAttachmentsAnyWay, CountAgainstTheLimitOfAMessage) {
  Attachment huge(make_heap_blob(Limits{}.max_message_bytes));
  EXPECT_EQ(call(1, {{}, {&huge, 1}}).error().code, Code::kResourceExhausted);
}

TEST_P(SessionAttachmentsAnyWay, AreKeptByALostConnectionThatHasNotSentThem) {
  const Attachments sent = several();
  if (client_memory_) client_memory_->has_none = true;  // else it would be one frame
  client_->capacity = 2;
  const Buffer payload = pattern(60'000, 1);
  ASSERT_NE(call(1, {payload, sent}).value(), 0U);
  client_->session.fail(CloseReason::peer_gone());
  EXPECT_TRUE(is_pattern(client_->unsent.at(1), 1));
  EXPECT_TRUE(client_->unsent_begun.at(1));
  expect_several(client_->unsent_attached.at(1));
  EXPECT_EQ(client_->unsent_attached.at(1)[3].memory, sent[3].memory) << "the same, not a copy";
}

TEST_P(SessionAttachmentsAnyWay, OfACancelledCallThatNobodyReadsAreFreed) {
  const Attachments sent = several();
  const std::uint64_t id = call(1, {}).value();
  settle_both();
  EXPECT_TRUE(client_->session.cancel(id));
  settle_both();
  server_->session.reply(server_->requests.at(0).id, {pattern(40'000, 1), sent});
  settle_both();
  EXPECT_TRUE(client_->outcomes[1].empty());
  expect_nothing_kept();
}

TEST_P(SessionAttachmentsAnyWay, OfACallThatIsCancelledHalfSentAreFreed) {
  if (client_memory_) client_memory_->has_none = true;
  const Attachments sent = several();
  client_->capacity = 2;
  const std::uint64_t id = call(1, {pattern(60'000, 1), sent}).value();
  client_->session.cancel(id);
  client_->capacity = 100;
  settle_both();
  EXPECT_TRUE(server_->requests.empty());
  expect_nothing_kept();
}

}  // namespace
}  // namespace ipcbridge
