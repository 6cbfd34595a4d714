#include "core/rpc/account.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/rpc/session.hpp"
#include "tests/core/rpc/session_pair.hpp"
#include "tests/core/support/endpoint.hpp"

namespace ipcbridge {
namespace {

using testing_support::begin_message;
using testing_support::deliver_one;
using testing_support::Endpoint;
using testing_support::pattern;
using testing_support::request_body;
using testing_support::run_until;
using testing_support::SessionSide;
using testing_support::settle;
using testing_support::text_of;

constexpr std::uint64_t kMost = 100'000;

// Two connections of one user, whose account has room for one large message, and one connection of another user.
class AccountTest : public testing::Test {
 protected:
  static Progress request(SessionSide& server, std::uint64_t id, std::size_t bytes) {
    return server.receive(FrameType::kRequest, id, body_of(bytes));
  }
  // The first fragment of a request of `whole` bytes, with so many of them.
  static Progress begin(SessionSide& server, std::uint64_t id, std::size_t bytes, std::size_t whole) {
    return server.receive(FrameType::kRequest, id, begin_message(whole, body_of(bytes)), kFlagMore | kFlagAttached);
  }
  static Progress go_on(SessionSide& server, std::uint64_t id, std::size_t bytes, bool last = false) {
    const std::uint8_t flags = kFlagAttached | (last ? 0 : kFlagMore);
    return server.receive(FrameType::kRequest, id, body_of(bytes), flags);
  }
  static Buffer body_of(std::size_t bytes) { return request_body(0, std::string(bytes - kRequestPrefixBytes, 'x')); }
  static std::uint64_t open_argument(SessionSide& client, SessionSide& server) {
    EXPECT_TRUE(client.call_with_streams(1, 1).ok());
    EXPECT_TRUE(settle(client, server).ok());
    return client.opened.at(1).first;
  }
  // The code and message of the first ERROR that the server has written.
  static Outcome error_of(const SessionSide& server) {
    EXPECT_EQ(server.written.at(0).header.type, FrameType::kError);
    return decode_error(server.written.at(0).body).value();
  }

  Account user_{kMost};
  Account other_user_{kMost};
  SessionSide one_{Session::Side::kAcceptor, Limits{}, Limits{}, &user_};
  SessionSide two_{Session::Side::kAcceptor, Limits{}, Limits{}, &user_};
  SessionSide other_{Session::Side::kAcceptor, Limits{}, Limits{}, &other_user_};
  SessionSide client_{Session::Side::kConnector, Limits{}, Limits{}};  // of one_
};

TEST_F(AccountTest, UnfinishedMessagesOfAllConnectionsOfAUserCountTogether) {
  for (std::uint64_t id = 1; id <= 6; ++id) ASSERT_TRUE(begin(one_, id, 15'000, 15'100).ok());
  ASSERT_TRUE(begin(two_, 1, 15'000, 30'100).ok()) << "the connection is not to blame";
  ASSERT_TRUE(go_on(two_, 1, 15'000).ok());
  EXPECT_LE(user_.bytes(), kMost);
  EXPECT_TRUE(two_.written.empty()) << "it is not answered before its last fragment";
  ASSERT_TRUE(go_on(two_, 1, 100, true).ok());
  const Outcome error = error_of(two_);
  EXPECT_EQ(error.code, Code::kResourceExhausted);
  EXPECT_TRUE(error.not_started);
  EXPECT_NE(std::string(error.message).find(std::to_string(kMost)), std::string::npos) << error.message;
  EXPECT_TRUE(two_.requests.empty());

  ASSERT_TRUE(request(other_, 1, 15'000).ok());
  EXPECT_EQ(other_.requests.size(), 1U) << "another user has an account of its own";
  ASSERT_TRUE(go_on(one_, 1, 100, true).ok());
  EXPECT_EQ(one_.requests.size(), 1U) << "what was begun in time is finished";
}

TEST_F(AccountTest, AnAnswerForWhichThereIsNoRoomGivesBackTheReferencesThatItNames) {
  SessionSide caller(Session::Side::kConnector, Limits{}, Limits{}, &user_);
  SessionSide callee(Session::Side::kAcceptor, Limits{}, Limits{});
  static_cast<void>(caller.call(1, {}));
  ASSERT_TRUE(settle(caller, callee).ok());
  const std::vector<std::uint64_t> references{References::kRetained | 3U};
  callee.session.reply(callee.requests[0].id, Buffer(2 * kMost), 0, references);
  EXPECT_TRUE(callee.session.shares(references[0]));
  ASSERT_TRUE(settle(caller, callee).ok());
  EXPECT_EQ(caller.outcomes[1].at(0).code, Code::kResourceExhausted);
  EXPECT_EQ(callee.released, references);
}

TEST_F(AccountTest, ARequestIsChargedUntilItIsAnswered) {
  static_cast<void>(client_.call(1, pattern(60'000, 1)));
  ASSERT_TRUE(settle(client_, one_).ok());
  ASSERT_EQ(one_.requests.size(), 1U);
  EXPECT_GT(user_.bytes(), 60'000U);
  static_cast<void>(client_.call(2, pattern(60'000, 1)));
  ASSERT_TRUE(settle(client_, one_).ok());
  EXPECT_EQ(client_.outcomes[2].at(0).code, Code::kResourceExhausted);
  EXPECT_TRUE(client_.outcomes[1].empty()) << "the connection goes on";

  one_.session.reply(one_.requests[0].id, as_bytes("done"));
  EXPECT_EQ(user_.bytes(), 0U);
  ASSERT_TRUE(settle(client_, one_).ok());
  static_cast<void>(client_.call(3, pattern(60'000, 1)));
  ASSERT_TRUE(settle(client_, one_).ok());
  EXPECT_EQ(one_.requests.size(), 2U);
}

TEST_F(AccountTest, BoundsTheNumberOfEmptyCalls) {
  std::uint64_t taken = 0;
  Limits limits;
  limits.max_pending_calls = 10'000;
  SessionSide server{Session::Side::kAcceptor, limits, limits, &user_};
  for (std::uint64_t id = 1; id <= 1000; ++id) {
    ASSERT_TRUE(server.receive(FrameType::kRequest, id, request_body(0, "")).ok());
    taken = server.requests.size();
  }
  EXPECT_GT(taken, 100U);
  EXPECT_LT(taken, 1000U);
  EXPECT_EQ(server.written.size(), 1000U - taken) << "the others were refused";
}

TEST_F(AccountTest, AnswersThatNobodyReadsAreChargedAndThenShrinkToErrors) {
  one_.capacity = 0;
  for (std::uint64_t id = 1; id <= 10; ++id) ASSERT_TRUE(request(one_, id, 100).ok());
  for (std::uint64_t id = 1; id <= 10; ++id) one_.session.reply(id, pattern(15'000, 1));
  EXPECT_GT(user_.bytes(), 60'000U);
  EXPECT_LE(user_.bytes(), kMost + 10 * 512);
  one_.capacity = 1000;
  while (one_.session.has_output()) ASSERT_TRUE(one_.session.flush_round());
  EXPECT_EQ(user_.bytes(), 0U);
  std::size_t replies = 0;
  for (const auto& frame : one_.written) {
    if (frame.header.type == FrameType::kReply) {
      ++replies;
    } else {
      EXPECT_EQ(decode_error(frame.body).value().code, Code::kResourceExhausted);
    }
  }
  EXPECT_EQ(one_.written.size(), 10U) << "each call is answered";
  EXPECT_GT(replies, 3U);
  EXPECT_LT(replies, 10U);
}

TEST_F(AccountTest, ANotificationIsAnsweredThoughTheAccountIsFull) {
  one_.capacity = 0;
  ASSERT_TRUE(one_.receive(FrameType::kNotify, 1, request_body(0, "")).ok());
  user_.charge(kMost);
  one_.session.reply(1, {});
  ASSERT_TRUE(one_.receive(FrameType::kNotify, 2, request_body(0, "")).ok());
  EXPECT_EQ(one_.requests.size(), 1U) << "there is no room for the second";
  one_.capacity = 2;
  EXPECT_TRUE(one_.session.flush_round());
  ASSERT_EQ(one_.written.size(), 2U);
  EXPECT_EQ(one_.written[1].header.type, FrameType::kReply);
  user_.refund(kMost);
  EXPECT_EQ(user_.bytes(), 0U);
}

TEST_F(AccountTest, ACancelledMessageIsGivenBack) {
  ASSERT_TRUE(begin(one_, 1, 15'000, 20'000).ok());
  EXPECT_GT(user_.bytes(), 15'000U);
  ASSERT_TRUE(one_.receive(FrameType::kCancel, 1, {}).ok());
  EXPECT_EQ(user_.bytes(), 0U);
}

TEST_F(AccountTest, WhoPingsWithoutReadingIsClosedWhenTheAccountIsFull) {
  one_.capacity = 0;
  ASSERT_TRUE(one_.receive(FrameType::kPing, 1, {}).ok());
  user_.charge(kMost);
  EXPECT_EQ(one_.receive(FrameType::kPing, 2, {}).why().code(), Code::kDataLoss);
  EXPECT_TRUE(two_.receive(FrameType::kPing, 1, {}).ok()) << "this one reads";
}

TEST_F(AccountTest, TheFragmentsOfTheEndOfAStreamCount) {
  const std::uint64_t stream = open_argument(client_, one_);
  const Buffer part = pattern(15'000, 1);
  for (int i = 0; i < 10; ++i) {
    const Buffer fragment = i == 0 ? begin_message(11 * part.size(), part) : part;
    ASSERT_TRUE(one_.receive(FrameType::kStreamEnd, stream, fragment, kFlagMore | kFlagAttached).ok())
        << "the connection is not to blame";
    EXPECT_LE(user_.bytes(), kMost);
  }
  ASSERT_EQ(one_.ends[stream].size(), 1U);
  EXPECT_EQ(one_.ends[stream][0].code, Code::kResourceExhausted);
  ASSERT_TRUE(one_.receive(FrameType::kStreamEnd, stream, part, kFlagAttached).ok());
  EXPECT_EQ(one_.session.open_streams(), 0U);
  EXPECT_EQ(one_.ends[stream].size(), 1U);
  one_.session.reply(one_.requests.at(0).id, {});
  EXPECT_EQ(user_.bytes(), 0U);
}

TEST_F(AccountTest, WhatTheEndOfAStreamSaysIsChargedUntilItsCallIsAnswered) {
  const std::uint64_t stream = open_argument(client_, one_);
  const Error error{Code::kAborted, "no more"};
  client_.session.end_stream(stream, &error, pattern(60'000, 1));
  ASSERT_TRUE(settle(client_, one_).ok());
  EXPECT_EQ(one_.ends[stream].at(0).code, Code::kAborted);
  EXPECT_GT(user_.bytes(), 60'000U);
  one_.session.reply(one_.requests.at(0).id, {});
  EXPECT_EQ(user_.bytes(), 0U);
}

TEST_F(AccountTest, AStreamEndsInOrderThoughTheAccountIsFull) {
  const std::uint64_t stream = open_argument(client_, one_);
  user_.charge(2 * kMost);
  client_.session.end_stream(stream);
  ASSERT_TRUE(settle(client_, one_).ok());
  EXPECT_EQ(one_.ends[stream].at(0).code, Code::kOk);
  user_.refund(2 * kMost);
}

TEST_F(AccountTest, TheFragmentsOfAnAnswerToTheServiceCount) {
  const std::uint64_t call = one_.call(7, {}).value();
  const Buffer part = pattern(15'000, 1);
  const auto receive = [&](ConstBytes fragment, std::uint8_t flags) {
    return one_.receive(FrameType::kReply, call, fragment, flags | kFlagAttached);
  };
  ASSERT_TRUE(receive(begin_message(11 * part.size(), part), kFlagMore).ok());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(receive(part, kFlagMore).ok());
  EXPECT_EQ(user_.bytes(), 5 * part.size());
  EXPECT_TRUE(one_.outcomes[7].empty());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(receive(part, kFlagMore).ok());
  EXPECT_EQ(user_.bytes(), 0U) << "nothing of it is kept";
  ASSERT_EQ(one_.outcomes[7].size(), 1U);
  EXPECT_EQ(one_.outcomes[7][0].code, Code::kResourceExhausted);
  EXPECT_EQ(one_.session.pending_calls(), 1U) << "the rest is still to come";
  ASSERT_TRUE(receive(part, 0).ok());
  EXPECT_EQ(one_.session.pending_calls(), 0U);
}

TEST_F(AccountTest, OfAnAnswerThatIsCancelledNothingIsChargedAnyMore) {
  const std::uint64_t call = one_.call(7, {}).value();
  ASSERT_TRUE(settle(one_, client_).ok());
  const std::uint64_t before = user_.bytes();
  client_.capacity = 2;
  client_.session.reply(client_.requests.at(0).id, Buffer(kMost / 2));
  while (client_.session.flush_round()) {
  }
  Progress status;
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(deliver_one(client_, one_, status) && status.ok());
  EXPECT_GT(user_.bytes(), before + kMost / 10);
  EXPECT_TRUE(one_.session.cancel(call));
  EXPECT_LE(user_.bytes(), before);
  client_.capacity = ~std::size_t{0};
  ASSERT_TRUE(settle(one_, client_).ok());
  EXPECT_EQ(user_.bytes(), 0U);
  EXPECT_TRUE(one_.session.idle());
}

TEST_F(AccountTest, OfAnAnswerForWhichThereIsNoRoomTheRestIsNotSent) {
  static_cast<void>(one_.call(7, {}));
  ASSERT_TRUE(settle(one_, client_).ok());
  client_.capacity = 8;
  client_.session.reply(client_.requests.at(0).id, Buffer(10 * kMost));
  while (client_.session.flush_round()) {
  }
  Progress status;
  while (one_.outcomes[7].empty()) ASSERT_TRUE(deliver_one(client_, one_, status) && status.ok());
  EXPECT_EQ(one_.outcomes[7][0].code, Code::kResourceExhausted);
  ASSERT_EQ(one_.written.size(), 1U) << "it is cancelled";
  one_.session.cancel(one_.written[0].header.call_id);
  EXPECT_EQ(one_.written.size(), 1U) << "once";
  ASSERT_TRUE(deliver_one(one_, client_, status) && status.ok());
  EXPECT_FALSE(client_.session.has_output() && client_.session.flush_round());
  EXPECT_LE(client_.written.size(), 8U);
  client_.capacity = ~std::size_t{0};
  ASSERT_TRUE(settle(client_, one_).ok());
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(one_.session.idle());
  EXPECT_EQ(one_.outcomes[7].size(), 1U);
}

TEST_F(AccountTest, ALongAnswerToTheServiceIsGivenBackWhenItIsThere) {
  static_cast<void>(one_.call(7, {}));
  ASSERT_TRUE(settle(one_, client_).ok());
  client_.session.reply(client_.requests.at(0).id, pattern(60'000, 1));
  ASSERT_TRUE(settle(client_, one_).ok());
  EXPECT_EQ(one_.outcomes[7].at(0).payload.size(), 60'000U);
  EXPECT_EQ(user_.bytes(), 0U);
}

TEST_F(AccountTest, ALostConnectionGivesBackAllOfItsPart) {
  one_.capacity = 0;
  ASSERT_TRUE(begin(one_, 1, 15'000, 20'000).ok());
  ASSERT_TRUE(request(one_, 2, 15'000).ok());
  ASSERT_TRUE(request(one_, 3, 100).ok());
  one_.session.reply(3, pattern(20'000, 1));
  ASSERT_TRUE(begin(two_, 1, 5'000, 6'000).ok());
  const std::uint64_t both = user_.bytes();
  one_.session.fail(CloseReason::peer_gone());
  EXPECT_GT(both, 50'000U);
  EXPECT_GT(user_.bytes(), 5'000U);
  EXPECT_LT(user_.bytes(), 6'000U) << "what is left is the other connection's";
  two_.session.fail(CloseReason::peer_gone());
  EXPECT_EQ(user_.bytes(), 0U);
}

TEST(AccountOfAServer, IsSharedByAllConnectionsOfAUserAndSurvivesTheirEnd) {
  testing_support::TemporaryDirectory directory;
  ServeOptions options;
  options.address = "shm://" + (directory / "calc");
  options.methods = {"echo"};
  options.max_bytes_per_user = kMost;
  Endpoint server;
  Endpoint clients;
  server.handle = Endpoint::keep;
  const ServerId serving = server.serve(options);
  const ClientId greedy = clients.connect(options.address);
  const ClientId modest = clients.connect(options.address);
  clients.call(greedy, text_of(pattern(80'000, 1)));
  ASSERT_TRUE(run_until({&server, &clients}, [&] { return server.requests.size() == 1; }));

  const std::uint64_t refused = clients.call(modest, text_of(pattern(40'000, 1)));
  ASSERT_TRUE(run_until({&server, &clients}, [&] { return clients.ended(refused); }));
  EXPECT_EQ(clients.outcomes[refused].code, Code::kResourceExhausted);
  EXPECT_EQ(clients.outcomes[refused].ending, Ending::kNotRun);

  clients.driver().close_client(greedy);
  ASSERT_TRUE(run_until({&server, &clients}, [&] { return server.driver().server_status(serving).connections == 1; }));
  server.handle = Endpoint::echo;
  const std::uint64_t served = clients.call(modest, text_of(pattern(40'000, 1)));
  ASSERT_TRUE(run_until({&server, &clients}, [&] { return clients.ended(served); }));
  EXPECT_EQ(clients.outcomes[served].code, Code::kOk) << clients.outcomes[served].message;
}

}  // namespace
}  // namespace ipcbridge
