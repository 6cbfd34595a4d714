#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "core/rpc/references.hpp"
#include "tests/core/rpc/session_streams_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::SessionStreams;
using testing_support::settle;

constexpr std::uint64_t kRetained = References::kRetained;

class SessionReferences : public SessionStreams {
 protected:
  // The client's call that passes them, which the server has and has not answered: its id.
  std::uint64_t passed(const std::vector<std::uint64_t>& references) {
    EXPECT_TRUE(client_.call_passing(++token_, references).ok());
    EXPECT_TRUE(settle(client_, server_).ok());
    return server_.requests.back().id;
  }

  // How the client takes the server's call of a reference.
  Progress call_back(std::uint64_t reference) {
    EXPECT_TRUE(server_.call_reference(++token_, reference).ok());
    return settle(server_, client_);
  }
  Code code_of_last_call() { return server_.outcomes[token_].at(0).code; }
};

TEST_F(SessionReferences, AFunctionIsCalledWhileTheCallThatPassedItWaits) {
  passed({7});
  const std::uint64_t outer = token_;
  ASSERT_TRUE(call_back(7).ok());
  ASSERT_EQ(client_.requests.size(), 1U);
  EXPECT_TRUE(client_.requests[0].to_reference);
  EXPECT_EQ(client_.requests[0].passed_with, outer);
  EXPECT_TRUE(client_.session.calls_reference(client_.requests[0].id));
  client_.session.reply(client_.requests[0].id, as_bytes("r"));
  settle_both();
  EXPECT_EQ(code_of_last_call(), Code::kOk);
}

TEST_F(SessionReferences, ItIsGoneWhenThatCallHasBeenAnswered) {
  const std::uint64_t call = passed({7});
  server_.session.reply(call, {});
  settle_both();
  ASSERT_TRUE(call_back(7).ok()) << "it may have crossed the answer";
  EXPECT_TRUE(client_.requests.empty());
  EXPECT_EQ(code_of_last_call(), Code::kFailedPrecondition);
  EXPECT_TRUE(server_.outcomes[token_].at(0).not_started);
}

TEST_F(SessionReferences, ItLivesAsLongAsTheStreamsOfTheResult) {
  const std::uint64_t call = passed({7});
  const std::uint64_t stream = server_.session.reply(call, {}, 1);
  settle_both();
  ASSERT_TRUE(call_back(7).ok());
  ASSERT_EQ(client_.requests.size(), 1U);
  EXPECT_EQ(client_.requests[0].passed_with, std::nullopt) << "nobody waits for that call any more";
  server_.session.end_stream(stream);
  settle_both();
  ASSERT_TRUE(call_back(7).ok());
  EXPECT_EQ(client_.requests.size(), 1U);
  EXPECT_EQ(code_of_last_call(), Code::kFailedPrecondition);
}

TEST_F(SessionReferences, ARetainedOneOutlivesItsCallUntilItIsReleasedAsOftenAsItCame) {
  server_.session.reply(passed({kRetained | 7U}), {});
  server_.session.reply(passed({kRetained | 7U}), {});
  settle_both();
  ASSERT_TRUE(call_back(kRetained | 7U).ok());
  EXPECT_EQ(client_.requests.size(), 1U);
  server_.session.release(kRetained | 7U, 1);
  settle_both();
  EXPECT_TRUE(client_.released.empty()) << "it was passed twice";
  server_.session.release(kRetained | 7U, 1);
  settle_both();
  EXPECT_EQ(client_.released, std::vector<std::uint64_t>{kRetained | 7U});
  EXPECT_FALSE(client_.session.shares(kRetained | 7U));
}

TEST_F(SessionReferences, AResultPassesThem) {
  ASSERT_TRUE(client_.call(++token_, {}).ok());
  settle_both();
  const std::vector<std::uint64_t> references{kRetained | 3U};
  server_.session.reply(server_.requests.back().id, as_bytes("r"), 0, references);
  settle_both();
  ASSERT_TRUE(client_.call_reference(++token_, kRetained | 3U).ok());
  settle_both();
  EXPECT_TRUE(server_.requests.back().to_reference);
}

TEST_F(SessionReferences, TheResultOfACancelledCallPassesNothing) {
  const std::uint64_t call = client_.call(++token_, {}).value();
  settle_both();
  EXPECT_TRUE(client_.session.cancel(call));
  settle_both();
  const std::vector<std::uint64_t> references{kRetained | 3U};
  server_.session.reply(server_.requests.back().id, as_bytes("r"), 0, references);
  EXPECT_FALSE(server_.session.shares(kRetained | 3U));
  settle_both();
}

TEST_F(SessionReferences, AnAnswerThatPassesSomeArrivesThoughItIsCancelledAndTheyAreGivenBack) {
  Progress status;
  const std::uint64_t call = client_.call(++token_, {}).value();
  settle_both();
  server_.capacity = 1;
  const std::vector<std::uint64_t> references{kRetained | 3U};
  server_.session.reply(server_.requests.back().id, Buffer(90'000), 0, references);
  ASSERT_TRUE(testing_support::deliver_one(server_, client_, status) && status.ok()) << "it has begun";
  EXPECT_TRUE(client_.session.cancel(call));
  settle_both();
  server_.capacity = ~std::size_t{0};
  settle_both();
  EXPECT_EQ(server_.released, references);
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(server_.session.idle());
}

TEST_F(SessionReferences, ACallThatWasNeverSentPassesNothing) {
  client_.capacity = 0;
  ASSERT_TRUE(client_.call_passing(++token_, {7, kRetained | 8U}, Buffer(20'000)).ok());
  EXPECT_TRUE(client_.session.shares(7));
  client_.session.fail(CloseReason::peer_gone());
  EXPECT_FALSE(client_.session.shares(7));
  EXPECT_FALSE(client_.session.shares(kRetained | 8U));
  EXPECT_TRUE(client_.released.empty());
}

TEST_F(SessionReferences, ACancelledCallPassesNothingWhenNoneOfItWasSent) {
  client_.capacity = 0;
  const std::uint64_t call = client_.call_passing(++token_, {7}, Buffer(20'000)).value();
  ASSERT_NE(call, 0U);
  EXPECT_FALSE(client_.session.cancel(call));
  EXPECT_FALSE(client_.session.shares(7));
}

TEST_F(SessionReferences, TheEndOfTheConnectionReleasesThem) {
  passed({7, kRetained | 8U});
  client_.session.fail(CloseReason::peer_gone());
  EXPECT_EQ(client_.released, std::vector<std::uint64_t>{kRetained | 8U});
}

TEST_F(SessionReferences, WhoForgetsOneIsNotCalledAnyMore) {
  server_.session.reply(passed({kRetained | 7U}), {});
  settle_both();
  client_.session.forget_reference(kRetained | 7U);
  ASSERT_TRUE(call_back(kRetained | 7U).ok());
  EXPECT_EQ(code_of_last_call(), Code::kFailedPrecondition);
}

TEST_F(SessionReferences, ToCallOrReleaseWhatWasNotGivenIsAViolation) {
  passed({7});
  EXPECT_FALSE(call_back(8).ok());
  EXPECT_FALSE(call_back(0).ok());
  EXPECT_FALSE(call_back(kRetained).ok());
  Buffer release(16);
  store(release.data(), kRetained | std::uint64_t{9});
  EXPECT_FALSE(client_.receive(FrameType::kRelease, 0, release).ok());
  EXPECT_FALSE(client_.receive(FrameType::kRelease, 0, Buffer(15)).ok());
  EXPECT_FALSE(client_.receive(FrameType::kRelease, 0, Buffer(17)).ok());
}

TEST_F(SessionReferences, ACallOfAReferenceThatNamesNoneIsAViolation) {
  EXPECT_FALSE(client_
                   .receive(FrameType::kRequest, testing_support::kAcceptorBit | 1U,
                            testing_support::request_body(0, "short"), kFlagReference)
                   .ok());
}

TEST_F(SessionReferences, OnlyCallsHaveTheFlag) {
  passed({7});
  EXPECT_FALSE(client_.receive(FrameType::kReply, 1, {}, kFlagReference).ok());
}

// A call that has been cancelled when its result, which names what the server has retained, is on its way.
class CrossedResult : public SessionReferences {
 protected:
  void cross(ConstBytes payload, std::uint32_t streams = 0) {
    const std::uint64_t call = client_.call(++token_, {}).value();
    settle_both();
    const std::vector<std::uint64_t> references{kRetained | 3U, kRetained | 4U, kRetained | 3U};
    server_.session.reply(server_.requests.back().id, payload, streams, references);
    EXPECT_TRUE(server_.session.shares(kRetained | 3U));
    EXPECT_TRUE(client_.session.cancel(call));
  }
  void expect_given_back() {
    settle_both();
    EXPECT_EQ(server_.released, (std::vector<std::uint64_t>{kRetained | 4U, kRetained | 3U}));
    EXPECT_TRUE(client_.outcomes[token_].empty());
  }
};

TEST_F(CrossedResult, GivesBackWhatItNames) {
  cross(as_bytes("r"));
  expect_given_back();
}

TEST_F(CrossedResult, GivesItBackBesideStreams) {
  cross(as_bytes("r"), 2);
  expect_given_back();
}

TEST_F(CrossedResult, GivesItBackWhenItIsLong) {
  cross(Buffer(100'000), 1);
  expect_given_back();
}

TEST_F(SessionReferences, AMalformedListOfThemIsAViolation) {
  for (const std::string_view body : {"", "abc"}) {
    const std::uint64_t call = client_.call(++token_, {}).value();
    EXPECT_FALSE(client_.receive(FrameType::kReply, call, as_bytes(body), kFlagReferences).ok());
  }
}

}  // namespace
}  // namespace ipcbridge
