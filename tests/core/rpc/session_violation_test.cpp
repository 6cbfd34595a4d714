#include <gtest/gtest.h>

#include "tests/core/rpc/session_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::begin_message;
using testing_support::header_of;
using testing_support::pattern;
using testing_support::request_body;
using testing_support::SessionSide;

constexpr std::uint64_t kAcceptorBit = 1ULL << 63U;

Limits tiny() {
  Limits limits;
  limits.max_message_bytes = 40'000;
  limits.max_pending_bytes = 50'000;
  limits.max_pending_calls = 2;
  return limits;
}

// A peer that says what it likes to an acceptor.
class SessionViolation : public testing::Test {
 protected:
  void expect_refused(const Progress& status) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.why().kind(), CloseReason::Kind::kPeerViolation) << status.why().message();
  }
  Progress request(std::uint64_t id, ConstBytes body, std::uint8_t flags = 0) {
    return server_.receive(FrameType::kRequest, id, body, flags);
  }
  // Fragments of a long one.
  Progress begin(std::uint64_t id, std::uint64_t whole, ConstBytes part) {
    return request(id, begin_message(whole, part), kFlagMore | kFlagAttached);
  }
  Progress go_on(std::uint64_t id, ConstBytes part) { return request(id, part, kFlagMore | kFlagAttached); }
  SessionSide server_{Session::Side::kAcceptor, tiny(), tiny()};
  const Buffer body_ = request_body(0, "x");
};

TEST_F(SessionViolation, AnAnswerToACallNeverMade) {
  expect_refused(server_.receive(FrameType::kReply, kAcceptorBit | 1U, {}));
  expect_refused(server_.receive(FrameType::kReply, kAcceptorBit, {}));
  expect_refused(server_.receive(FrameType::kError, kAcceptorBit | 5U, {}));
}

TEST_F(SessionViolation, AnAnswerToACallOfThePeersOwn) { expect_refused(server_.receive(FrameType::kReply, 1, {})); }

TEST_F(SessionViolation, ASecondAnswerIsIgnoredNotRefused) {
  ASSERT_TRUE(server_.call(1, {}).ok());
  EXPECT_TRUE(server_.receive(FrameType::kReply, kAcceptorBit | 1U, {}).ok());
  EXPECT_TRUE(server_.receive(FrameType::kReply, kAcceptorBit | 1U, {}).ok());
  EXPECT_EQ(server_.outcomes[1].size(), 1U);
}

TEST_F(SessionViolation, ACallIdUsedTwice) {
  ASSERT_TRUE(request(1, body_).ok());
  expect_refused(request(1, body_));
}

TEST_F(SessionViolation, ARequestWithAnIdOfTheReceiver) { expect_refused(request(kAcceptorBit | 1U, body_)); }

TEST_F(SessionViolation, ARequestWithTheIdZero) { expect_refused(request(0, body_)); }

TEST_F(SessionViolation, MoreCallsThanWereGranted) {
  ASSERT_TRUE(request(1, body_).ok());
  ASSERT_TRUE(request(2, body_).ok());
  expect_refused(request(3, body_));
}

TEST_F(SessionViolation, MoreBytesThanWereGranted) {
  const Buffer fragment = pattern(16'000, 1);
  ASSERT_TRUE(begin(1, 40'000, fragment).ok());
  ASSERT_TRUE(go_on(1, fragment).ok());
  ASSERT_TRUE(request(2, Buffer(fragment.size())).ok());
  EXPECT_EQ(server_.requests.size(), 1U);
  expect_refused(go_on(1, Buffer(8'000)));
}

TEST_F(SessionViolation, AMessageThatSaysThatItIsOverTheLimit) {
  expect_refused(begin(1, 40'001, {}));
  expect_refused(begin(2, ~0ULL, {}));
}

TEST_F(SessionViolation, AMessageOverTheLimit) {
  const Buffer fragment = pattern(16'000, 1);
  ASSERT_TRUE(begin(1, 40'000, fragment).ok());
  ASSERT_TRUE(go_on(1, fragment).ok());
  expect_refused(go_on(1, fragment));
}

TEST_F(SessionViolation, AMessageLongerThanItSays) {
  const Buffer fragment = pattern(16'000, 1);
  ASSERT_TRUE(begin(1, 30'000, fragment).ok());
  expect_refused(request(1, fragment, kFlagAttached));
}

TEST_F(SessionViolation, AMessageShorterThanItSays) {
  const Buffer fragment = pattern(16'000, 1);
  ASSERT_TRUE(begin(1, 40'000, fragment).ok());
  expect_refused(request(1, fragment, kFlagAttached));
}

TEST_F(SessionViolation, AFragmentWithoutATable) {
  expect_refused(request(1, body_, kFlagMore));
  expect_refused(request(2, ConstBytes(begin_message(100, {})).first(39), kFlagMore | kFlagAttached));
}

TEST_F(SessionViolation, AnAnswerOverTheLimit) {
  ASSERT_TRUE(server_.call(1, {}).ok());
  const Buffer fragment = pattern(16'000, 1);
  const std::uint64_t id = kAcceptorBit | 1U;
  const auto receive = [&](ConstBytes bytes) {
    return server_.receive(FrameType::kReply, id, bytes, kFlagMore | kFlagAttached);
  };
  ASSERT_TRUE(receive(begin_message(40'000, fragment)).ok());
  ASSERT_TRUE(receive(fragment).ok());
  expect_refused(receive(fragment));
}

TEST_F(SessionViolation, FragmentsOfTwoTypesUnderOneId) {
  ASSERT_TRUE(begin(1, 100, body_).ok());
  expect_refused(server_.receive(FrameType::kNotify, 1, body_, kFlagMore | kFlagAttached));
}

TEST_F(SessionViolation, AnErrorThatEndsAnAnswerWhichNobodyHasCancelled) {
  ASSERT_TRUE(server_.call(1, {}).ok());
  const std::uint64_t id = kAcceptorBit | 1U;
  ASSERT_TRUE(server_.receive(FrameType::kReply, id, begin_message(100, body_), kFlagMore | kFlagAttached).ok());
  expect_refused(server_.receive(FrameType::kError, id, encode_error_prefix(Code::kCancelled, false, "")));
}

TEST_F(SessionViolation, AnEmptyFragment) {
  ASSERT_TRUE(begin(1, 100, body_).ok());
  expect_refused(go_on(1, {}));
}

TEST_F(SessionViolation, AFragmentOfACancelledRequest) {
  server_.capacity = 0;
  ASSERT_TRUE(begin(1, 100, body_).ok());
  ASSERT_TRUE(server_.receive(FrameType::kCancel, 1, {}).ok());
  expect_refused(go_on(1, body_));
  EXPECT_TRUE(server_.requests.empty());
}

TEST_F(SessionViolation, AHeaderWhoseZeroIsNot) {
  FrameHeader header = header_of(FrameType::kPing, 1, 0);
  header.zero = 1;
  expect_refused(server_.session.receive(header, {}));
}

TEST_F(SessionViolation, AFlagThatNobodyKnows) { expect_refused(server_.receive(FrameType::kPing, 1, {}, 0x04)); }

TEST_F(SessionViolation, ATypeThatNobodyKnowsUnlessItMayBeIgnored) {
  for (const int type : {0, 1, 14, 15, 16, 17, 200, 255}) {
    expect_refused(server_.receive(static_cast<FrameType>(type), 1, {}));
    EXPECT_TRUE(server_.receive(static_cast<FrameType>(type), 1, {}, kFlagIgnorable).ok()) << type;
  }
}

TEST_F(SessionViolation, ARequestShorterThanItsPrefix) {
  for (std::size_t size = 0; size < kRequestPrefixBytes; ++size) {
    SessionSide fresh(Session::Side::kAcceptor, tiny(), tiny());
    expect_refused(fresh.receive(FrameType::kRequest, 1, ConstBytes(body_).first(size)));
  }
}

TEST_F(SessionViolation, MetadataLongerThanTheRequest) {
  Buffer body = request_body(0, "abc");
  store(body.data() + 12, std::uint32_t{4});
  expect_refused(request(1, body));
  store(body.data() + 12, ~std::uint32_t{0});
  expect_refused(request(2, body));
}

TEST_F(SessionViolation, AnErrorThatIsCutShort) {
  const Buffer whole = encode_error_prefix(Code::kAborted, false, "message");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    SessionSide fresh(Session::Side::kAcceptor, tiny(), tiny());
    ASSERT_TRUE(fresh.call(1, {}).ok());
    expect_refused(fresh.receive(FrameType::kError, kAcceptorBit | 1U, ConstBytes(whole).first(size)));
  }
}

TEST_F(SessionViolation, AnErrorOfAnUnknownOrSuccessfulCodeIsUnknown) {
  for (const int code : {0, 17, 255}) {
    SessionSide fresh(Session::Side::kAcceptor, tiny(), tiny());
    ASSERT_TRUE(fresh.call(1, {}).ok());
    ASSERT_TRUE(
        fresh.receive(FrameType::kError, kAcceptorBit | 1U, encode_error_prefix(static_cast<Code>(code), false, ""))
            .ok());
    EXPECT_EQ(fresh.outcomes[1].at(0).code, Code::kUnknown);
  }
}

TEST_F(SessionViolation, ACancellationOfACallOfTheReceivers) {
  ASSERT_TRUE(server_.call(1, {}).ok());
  expect_refused(server_.receive(FrameType::kCancel, kAcceptorBit | 1U, {}));
}

TEST_F(SessionViolation, ACancellationOfAnUnknownCallIsIgnored) {
  EXPECT_TRUE(server_.receive(FrameType::kCancel, 77, {}).ok());
  EXPECT_TRUE(server_.cancelled.empty());
}

}  // namespace
}  // namespace ipcbridge
