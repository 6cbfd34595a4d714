#include "core/rpc/session.hpp"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/core/rpc/session_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::bytes_of;
using testing_support::deliver_one;
using testing_support::is_pattern;
using testing_support::pattern;
using testing_support::request_body;
using testing_support::SessionSide;
using testing_support::settle;
using testing_support::text_of;

constexpr std::uint64_t kAcceptorBit = 1ULL << 63U;

Limits small_limits() {
  Limits limits;
  limits.max_message_bytes = 200'000;
  limits.max_pending_bytes = 100'000;
  limits.max_pending_calls = 4;
  return limits;
}

class SessionTest : public testing::Test {
 protected:
  SessionSide client_{Session::Side::kConnector, small_limits(), small_limits()};
  SessionSide server_{Session::Side::kAcceptor, small_limits(), small_limits()};
};

TEST_F(SessionTest, ACallIsAnswered) {
  ASSERT_NE(client_.call(7, as_bytes("question"), false, 3).value(), 0U);
  ASSERT_TRUE(settle(client_, server_).ok());
  ASSERT_EQ(server_.requests.size(), 1U);
  EXPECT_EQ(server_.requests[0].method, 3U);
  EXPECT_FALSE(server_.requests[0].notify);
  EXPECT_EQ(text_of(server_.requests[0].payload), "question");
  server_.session.reply(server_.requests[0].id, as_bytes("answer"));
  ASSERT_TRUE(settle(client_, server_).ok());
  ASSERT_EQ(client_.outcomes[7].size(), 1U);
  EXPECT_EQ(client_.outcomes[7][0].code, Code::kOk);
  EXPECT_TRUE(client_.outcomes[7][0].remote);
  EXPECT_EQ(text_of(client_.outcomes[7][0].payload), "answer");
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(server_.session.idle());
}

TEST_F(SessionTest, MetadataAndTimeoutArriveAsTheyWere) {
  Request request;
  request.timeout_us = 123'456;
  const Buffer metadata = bytes_of("meta");
  request.metadata = metadata;
  ASSERT_TRUE(client_.session.call(1, request).ok());
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_EQ(server_.requests[0].timeout_us, 123'456U);
  EXPECT_EQ(text_of(server_.requests[0].metadata), "meta");
  EXPECT_TRUE(server_.requests[0].payload.empty());
}

TEST_F(SessionTest, AnErrorBringsItsCodeMessageAndDetails) {
  static_cast<void>(client_.call(1, {}));
  ASSERT_TRUE(settle(client_, server_).ok());
  server_.session.reply_error(server_.requests[0].id, Code::kNotFound, true, "no such row", as_bytes("details"));
  ASSERT_TRUE(settle(client_, server_).ok());
  const auto& ended = client_.outcomes[1].at(0);
  EXPECT_EQ(ended.code, Code::kNotFound);
  EXPECT_TRUE(ended.not_started);
  EXPECT_EQ(ended.message, "no such row");
  EXPECT_EQ(text_of(ended.payload), "details");
}

// What stands in a batch's slab must fit there, so what is longer than a frame brings its own storage.
TEST_F(SessionTest, AnErrorLongerThanAFrameBringsItsStorage) {
  static_cast<void>(client_.call(1, {}));
  ASSERT_TRUE(settle(client_, server_).ok());
  server_.session.reply_error(server_.requests[0].id, Code::kUnknown, false, "long", pattern(50'000, 1));
  ASSERT_TRUE(settle(client_, server_).ok());
  const auto& ended = client_.outcomes[1].at(0);
  EXPECT_TRUE(ended.had_storage);
  EXPECT_EQ(ended.message, "long");
  EXPECT_TRUE(is_pattern(ended.payload, 1));
}

TEST_F(SessionTest, AnErrorOverThePeersLimitLosesItsDetails) {
  static_cast<void>(client_.call(1, {}));
  ASSERT_TRUE(settle(client_, server_).ok());
  server_.session.reply_error(server_.requests[0].id, Code::kUnknown, false, std::string(300'000, 'm'),
                              pattern(300'000, 1));
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_EQ(client_.outcomes[1].at(0).code, Code::kUnknown);
  EXPECT_TRUE(client_.outcomes[1][0].payload.empty());
}

TEST_F(SessionTest, BothSidesMayCall) {
  static_cast<void>(client_.call(1, as_bytes("c")));
  static_cast<void>(server_.call(1, as_bytes("s")));
  ASSERT_TRUE(settle(client_, server_).ok());
  ASSERT_EQ(client_.requests.size(), 1U);
  EXPECT_EQ(client_.requests[0].id, kAcceptorBit | 1U);
  EXPECT_EQ(server_.requests[0].id, 1U);
  client_.session.reply(client_.requests[0].id, {});
  server_.session.reply(server_.requests[0].id, {});
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_EQ(client_.outcomes[1].size(), 1U);
  EXPECT_EQ(server_.outcomes[1].size(), 1U);
}

TEST_F(SessionTest, ALongMessageTravelsInFragmentsAndArrivesWhole) {
  ASSERT_NE(client_.call(1, pattern(90'000, 2)).value(), 0U);
  ASSERT_TRUE(settle(client_, server_).ok());
  ASSERT_EQ(server_.requests.size(), 1U);
  EXPECT_TRUE(is_pattern(server_.requests[0].payload, 2));
  server_.session.reply(server_.requests[0].id, pattern(200'000, 3));
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_TRUE(is_pattern(client_.outcomes[1].at(0).payload, 3));
  EXPECT_EQ(client_.outcomes[1][0].payload.size(), 200'000U);
  EXPECT_TRUE(client_.outcomes[1][0].had_storage);
}

TEST_F(SessionTest, AShortMessageOvertakesALongOne) {
  client_.capacity = 1;
  ASSERT_NE(client_.call(1, pattern(90'000, 2)).value(), 0U);
  client_.capacity = 2;
  ASSERT_NE(client_.call(2, as_bytes("short")).value(), 0U);
  client_.capacity = ~std::size_t{0};
  ASSERT_TRUE(settle(client_, server_).ok());
  ASSERT_EQ(server_.requests.size(), 2U);
  EXPECT_EQ(text_of(server_.requests[0].payload), "short");
}

TEST_F(SessionTest, AMessageOverThePeersLimitIsRefusedBeforeItIsSent) {
  EXPECT_EQ(client_.call(1, pattern(200'001, 1)).error().code, Code::kResourceExhausted);
  EXPECT_TRUE(client_.written.empty());
}

TEST_F(SessionTest, AResultOverTheCallersLimitBecomesAnError) {
  static_cast<void>(client_.call(1, {}));
  ASSERT_TRUE(settle(client_, server_).ok());
  server_.session.reply(server_.requests[0].id, pattern(200'001, 1));
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_EQ(client_.outcomes[1].at(0).code, Code::kResourceExhausted);
}

TEST_F(SessionTest, CallsBeyondTheGrantWait) {
  for (std::uint64_t token = 1; token <= 4; ++token) ASSERT_NE(client_.call(token, {}).value(), 0U);
  EXPECT_EQ(client_.call(5, {}).value(), 0U);
  ASSERT_TRUE(settle(client_, server_).ok());
  server_.session.reply(server_.requests[2].id, {});
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_NE(client_.call(5, {}).value(), 0U);
}

TEST_F(SessionTest, BytesBeyondTheGrantWaitButOneLargeCallGoesAlone) {
  ASSERT_NE(client_.call(1, pattern(150'000, 1)).value(), 0U) << "over the grant of bytes, but the only one";
  EXPECT_EQ(client_.call(2, {}).value(), 0U);
  ASSERT_TRUE(settle(client_, server_).ok());
  server_.session.reply(server_.requests.at(0).id, {});
  ASSERT_TRUE(settle(client_, server_).ok());
  ASSERT_NE(client_.call(2, pattern(60'000, 1)).value(), 0U);
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_EQ(client_.call(3, pattern(60'000, 1)).value(), 0U);
  EXPECT_NE(client_.call(4, pattern(10'000, 1)).value(), 0U);
}

TEST_F(SessionTest, ANotificationIsAnsweredToGiveItsShareOfTheGrantBack) {
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_NE(client_.call(i, {}, true).value(), 0U);
  EXPECT_EQ(client_.call(4, {}, true).value(), 0U);
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_TRUE(server_.requests[0].notify);
  for (const auto& request : server_.requests) server_.session.reply(request.id, {});
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_NE(client_.call(4, {}, true).value(), 0U);
}

TEST_F(SessionTest, TheAnswerToANotificationIsEmptyWhateverItsHandlerGaveOrRaised) {
  for (std::uint64_t i = 0; i < 2; ++i) ASSERT_NE(client_.call(i, {}, true).value(), 0U);
  ASSERT_TRUE(settle(client_, server_).ok());
  server_.session.reply(server_.requests[0].id, pattern(100, 1));
  server_.session.reply_error(server_.requests[1].id, Code::kUnknown, false, "failed", pattern(100, 1));
  ASSERT_EQ(server_.written.size(), 2U);
  for (const auto& frame : server_.written) {
    EXPECT_EQ(frame.header.type, FrameType::kReply);
    EXPECT_EQ(frame.header.length, 0U);
  }
}

TEST_F(SessionTest, ACancelledCallHasNoOutcomeAndTheCalleeIsTold) {
  const std::uint64_t id = client_.call(1, {}).value();
  ASSERT_TRUE(settle(client_, server_).ok());
  client_.session.cancel(id);
  client_.session.cancel(id);
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_EQ(server_.cancelled, std::vector<std::uint64_t>{id});
  server_.session.reply_error(id, Code::kCancelled, false, "", {});
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_TRUE(client_.outcomes.empty());
  EXPECT_TRUE(client_.session.idle());
}

TEST_F(SessionTest, ACalleeIsToldOnceHoweverOftenAndWhyEver) {
  const std::uint64_t id = client_.call(1, {}).value();
  ASSERT_TRUE(settle(client_, server_).ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(server_.receive(FrameType::kCancel, id, {}).ok());
  server_.session.fail(CloseReason::peer_gone());
  EXPECT_EQ(server_.cancelled.size(), 1U);
}

TEST_F(SessionTest, ACancelThatCrossesTheAnswerIsIgnored) {
  const std::uint64_t id = client_.call(1, {}).value();
  ASSERT_TRUE(settle(client_, server_).ok());
  server_.session.reply(id, {});
  EXPECT_TRUE(client_.session.cancel(id)) << "it may have run";
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_TRUE(server_.cancelled.empty());
  EXPECT_TRUE(client_.outcomes.empty());
}

TEST_F(SessionTest, TheResultOfACancelledCallIsNotSent) {
  const std::uint64_t id = client_.call(1, {}).value();
  ASSERT_TRUE(settle(client_, server_).ok());
  client_.session.cancel(id);
  ASSERT_TRUE(settle(client_, server_).ok());
  server_.session.reply(id, pattern(90'000, 1));
  ASSERT_EQ(server_.written.size(), 1U);
  EXPECT_EQ(server_.written[0].body.size(), 0U);
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_TRUE(client_.session.idle());
}

// Of a result of six fragments so many are on their way when the caller cancels, and it has read so many of these.
class CancelledAnswer : public SessionTest, public testing::WithParamInterface<std::pair<std::size_t, std::size_t>> {};

INSTANTIATE_TEST_SUITE_P(Fragments, CancelledAnswer,
                         testing::Values(std::pair(0, 0), std::pair(1, 0), std::pair(1, 1), std::pair(3, 1),
                                         std::pair(3, 3)),
                         [](const auto& param) {
                           return std::to_string(param.param.first) + "sent" + std::to_string(param.param.second) +
                                  "read";
                         });

TEST_P(CancelledAnswer, IsSentNoFurther) {
  const auto [sent, read] = GetParam();
  const std::uint64_t id = client_.call(1, {}).value();
  ASSERT_TRUE(settle(client_, server_).ok());
  server_.capacity = 0;
  server_.session.reply(id, pattern(90'000, 1));
  server_.capacity = sent;
  while (server_.written.size() < sent) server_.session.flush_round();
  Progress status;
  for (std::size_t i = 0; i < read; ++i) ASSERT_TRUE(deliver_one(server_, client_, status) && status.ok());
  EXPECT_TRUE(client_.session.cancel(id)) << "it may have run";
  server_.capacity = ~std::size_t{0};
  ASSERT_TRUE(deliver_one(client_, server_, status) && status.ok());
  ASSERT_EQ(server_.written.size(), sent - read + 1);
  EXPECT_EQ(server_.written.back().header.type, FrameType::kError);
  EXPECT_TRUE(server_.session.idle());
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(client_.outcomes.empty());
  ASSERT_TRUE(client_.call(2, {}).ok());
  ASSERT_TRUE(settle(client_, server_).ok());
  server_.session.reply(server_.requests.back().id, pattern(90'000, 2));
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_TRUE(is_pattern(client_.outcomes[2].at(0).payload, 2));
}

TEST_F(SessionTest, ALongCallThatIsCancelledHalfwayNeverStarts) {
  client_.capacity = 2;
  const std::uint64_t id = client_.call(1, pattern(90'000, 1)).value();
  ASSERT_NE(id, 0U);
  EXPECT_FALSE(client_.session.cancel(id)) << "it surely did not run";
  client_.capacity = ~std::size_t{0};
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_TRUE(server_.requests.empty());
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(server_.session.idle());
}

TEST_F(SessionTest, AfterGoawayNoCallBegins) {
  server_.session.goaway();
  server_.session.goaway();
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_EQ(client_.goaways, 1);
  EXPECT_EQ(client_.call(1, {}).error().code, Code::kUnavailable);
}

TEST_F(SessionTest, ACallThatCrossesGoawayRuns) {
  server_.session.goaway();
  ASSERT_NE(client_.call(1, as_bytes("short")).value(), 0U);
  ASSERT_NE(client_.call(2, pattern(50'000, 1)).value(), 0U);
  ASSERT_TRUE(settle(client_, server_).ok());
  ASSERT_EQ(server_.requests.size(), 2U);
  for (const auto& request : server_.requests) server_.session.reply(request.id, {});
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_EQ(client_.outcomes[1].at(0).code, Code::kOk);
  EXPECT_EQ(client_.outcomes[2].at(0).code, Code::kOk);
}

TEST_F(SessionTest, WhatRanBeforeGoawayIsFinished) {
  const std::uint64_t id = client_.call(1, {}).value();
  ASSERT_TRUE(settle(client_, server_).ok());
  server_.session.goaway();
  ASSERT_TRUE(settle(client_, server_).ok());
  server_.session.reply(id, as_bytes("done"));
  ASSERT_TRUE(settle(client_, server_).ok());
  EXPECT_EQ(text_of(client_.outcomes[1].at(0).payload), "done");
}

TEST_F(SessionTest, ALostConnectionEndsEachCallOnceAndCancelsEachHandler) {
  for (std::uint64_t token = 1; token <= 3; ++token) static_cast<void>(client_.call(token, {}));
  static_cast<void>(server_.call(9, {}));
  ASSERT_TRUE(settle(client_, server_).ok());
  client_.session.cancel(2);
  client_.session.fail(CloseReason::peer_gone());
  client_.session.fail(CloseReason::peer_gone());
  EXPECT_EQ(client_.outcomes[1].at(0).code, Code::kUnavailable);
  EXPECT_TRUE(client_.outcomes[1][0].sent_maybe);
  EXPECT_FALSE(client_.outcomes[1][0].remote);
  EXPECT_EQ(client_.outcomes[1].size(), 1U);
  EXPECT_EQ(client_.outcomes.count(2), 0U);
  EXPECT_EQ(client_.outcomes[3].size(), 1U);
  EXPECT_EQ(client_.cancelled, std::vector<std::uint64_t>{kAcceptorBit | 1U});
  client_.session.reply(kAcceptorBit | 1U, {});
  EXPECT_EQ(client_.session.inbound_calls(), 0U);
}

TEST_F(SessionTest, ACallLostBeforeItsLastFragmentWasSentComesBack) {
  client_.capacity = 3;
  static_cast<void>(client_.call(1, as_bytes("short")));
  static_cast<void>(client_.call(2, pattern(50'000, 7)));
  client_.session.fail(CloseReason::peer_gone());
  EXPECT_TRUE(client_.outcomes[1].at(0).sent_maybe);
  EXPECT_FALSE(client_.outcomes.contains(2));
  ASSERT_TRUE(client_.unsent.contains(2));
  EXPECT_EQ(client_.unsent[2].size(), 50'000U);
  EXPECT_TRUE(is_pattern(client_.unsent[2], 7));
  EXPECT_TRUE(client_.unsent_begun[2]);
}

TEST_F(SessionTest, ALongCallThatWasLostBeforeItsFirstFragmentWasNotBegun) {
  client_.capacity = 0;
  static_cast<void>(client_.call(1, pattern(50'000, 7)));
  client_.session.fail(CloseReason::peer_gone());
  ASSERT_TRUE(client_.unsent.contains(1));
  EXPECT_FALSE(client_.unsent_begun[1]);
}

TEST_F(SessionTest, ALongCallThatWasSentMayHaveRun) {
  static_cast<void>(client_.call(1, pattern(50'000, 7)));
  while (client_.session.has_output()) client_.session.flush_round();
  client_.session.fail(CloseReason::peer_gone());
  EXPECT_TRUE(client_.outcomes[1].at(0).sent_maybe);
  EXPECT_TRUE(client_.unsent.empty());
}

TEST_F(SessionTest, APingIsAnswered) {
  ASSERT_TRUE(client_.receive(FrameType::kPing, 42, {}).ok());
  ASSERT_EQ(client_.written.size(), 1U);
  EXPECT_EQ(client_.written[0].header.type, FrameType::kPong);
  EXPECT_EQ(client_.written[0].header.call_id, 42U);
  EXPECT_TRUE(client_.receive(FrameType::kPong, 42, {}).ok());
}

TEST_F(SessionTest, APeerThatPingsAndNeverReadsIsRefused) {
  client_.capacity = 0;
  Progress status;
  std::uint64_t pings = 0;
  while (status.ok() && pings < 10'000'000) {
    status = client_.receive(FrameType::kPing, 1, {});
    ++pings;
  }
  EXPECT_EQ(status.why().code(), Code::kDataLoss) << "after " << pings << " pings";
}

}  // namespace
}  // namespace ipcbridge
