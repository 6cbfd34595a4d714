// What a peer may not do with streams.
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/rpc/session_streams_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::items_of;
using testing_support::kAcceptorBit;
using testing_support::pattern;
using testing_support::SessionStreams;

class StreamViolation : public SessionStreams {
 protected:
  static void expect_refused(const Progress& status) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.why().kind(), CloseReason::Kind::kPeerViolation) << status.why().message();
  }
  static Buffer credit(std::uint64_t items, std::uint64_t bytes) {
    Buffer body;
    append(body, items);
    append(body, bytes);
    return body;
  }
  Progress request_with(std::uint64_t id, const StreamRange& range, std::uint8_t flags = kFlagStreams) {
    const auto prefix = encode_stream_range(range);
    Buffer body(prefix.begin(), prefix.end());
    append(body, ConstBytes(testing_support::request_body(0, "x")));
    return server_.receive(FrameType::kRequest, id, body, flags);
  }
  // The first fragment of such a request.
  Progress begin_request_with(std::uint64_t id, const StreamRange& range) {
    const auto prefix = encode_stream_range(range);
    Buffer body(prefix.begin(), prefix.end());
    append(body, ConstBytes(testing_support::begin_message(27, testing_support::request_body(0, "x"))));
    return server_.receive(FrameType::kRequest, id, body, kFlagStreams | kFlagMore | kFlagAttached);
  }
};

TEST_F(StreamViolation, ItemsOfAStreamThatIsNotOpen) {
  expect_refused(client_.receive(FrameType::kStreamItem, kAcceptorBit | 1U, items_of("a")));
}

TEST_F(StreamViolation, ItemsAfterTheEnd) {
  const std::uint64_t stream = open_result();
  ASSERT_TRUE(client_.receive(FrameType::kStreamEnd, stream, {}).ok());
  expect_refused(client_.receive(FrameType::kStreamItem, stream, items_of("a")));
}

TEST_F(StreamViolation, AnEndTwice) {
  const std::uint64_t stream = open_result();
  ASSERT_TRUE(client_.receive(FrameType::kStreamItem, stream, items_of("a")).ok());
  ASSERT_TRUE(client_.receive(FrameType::kStreamEnd, stream, {}).ok());
  expect_refused(client_.receive(FrameType::kStreamEnd, stream, {}));
}

TEST_F(StreamViolation, MoreItemsThanWereGranted) {
  const std::uint64_t stream = open_result();
  expect_refused(client_.receive(FrameType::kStreamItem, stream, items_of("abcde")));
}

TEST_F(StreamViolation, MoreBytesThanWereGranted) {
  const std::uint64_t stream = open_result();
  Buffer body = items_of("z");
  store(body.data() + kItemsPrefixBytes, std::uint32_t{2'000});
  body.resize(kItemsPrefixBytes + 4 + 2'000);
  ASSERT_TRUE(client_.receive(FrameType::kStreamItem, stream, body).ok());
  expect_refused(client_.receive(FrameType::kStreamItem, stream, items_of("a")));
}

TEST_F(StreamViolation, ItemsThatAreNotWhatTheySay) {
  const std::uint64_t stream = open_result();
  expect_refused(client_.receive(FrameType::kStreamItem, stream, {}));
  Buffer none = items_of("");
  expect_refused(client_.receive(FrameType::kStreamItem, stream, none));
  Buffer cut = items_of("ab");
  cut.pop_back();
  expect_refused(client_.receive(FrameType::kStreamItem, stream, cut));
  Buffer more = items_of("ab");
  more.push_back(std::byte{0});
  expect_refused(client_.receive(FrameType::kStreamItem, stream, more));
}

TEST_F(StreamViolation, CreditForWhatIsNoStreamOfTheReceiver) {
  expect_refused(server_.receive(FrameType::kCredit, kAcceptorBit | 1U, credit(1, 1)));
  expect_refused(server_.receive(FrameType::kCredit, 1, credit(1, 1)));
  const std::uint64_t stream = open_result();
  expect_refused(server_.receive(FrameType::kCredit, stream, as_bytes("short")));
}

TEST_F(StreamViolation, CreditForACallThatIsUnderWay) {
  ASSERT_TRUE(client_.call(1, {}).ok());
  expect_refused(client_.receive(FrameType::kCredit, 1, credit(1, 1)));
}

TEST_F(StreamViolation, CreditThatGoesBackOrIsEnormousIsHarmless) {
  const std::uint64_t stream = open_result();
  EXPECT_TRUE(server_.receive(FrameType::kCredit, stream, credit(0, 0)).ok());
  EXPECT_EQ(server_.session.stream_room(stream).value().items, 4U);
  EXPECT_TRUE(server_.receive(FrameType::kCredit, stream, credit(~0ULL, ~0ULL)).ok());
  EXPECT_EQ(server_.send(stream, "abcdefgh").value().items, ~0ULL - 8);
}

TEST_F(StreamViolation, CreditAfterTheEndIsIgnored) {
  const std::uint64_t stream = open_result();
  server_.session.end_stream(stream);
  EXPECT_TRUE(server_.receive(FrameType::kCredit, stream, credit(9, 9)).ok());
}

TEST_F(StreamViolation, StreamsWithIdsThatAreNotThePeers) {
  expect_refused(request_with(1, {kAcceptorBit | 2U, 1}));
  expect_refused(request_with(1, {0, 1}));
  expect_refused(request_with(1, {2, 0}));
  expect_refused(request_with(1, {~kAcceptorBit, 3}));
}

TEST_F(StreamViolation, AStreamIdUsedTwice) {
  ASSERT_TRUE(request_with(1, {2, 1}).ok());
  expect_refused(request_with(3, {2, 1}));
}

TEST_F(StreamViolation, MoreStreamsThanWereGranted) {
  ASSERT_TRUE(request_with(1, {2, 3}).ok());
  expect_refused(request_with(5, {6, 1}));
  expect_refused(request_with(7, {8, ~0U}));
}

TEST_F(StreamViolation, ItemsBeforeTheEndOfTheMessageThatCarriesTheirStream) {
  ASSERT_TRUE(begin_request_with(1, {2, 1}).ok());
  expect_refused(server_.receive(FrameType::kStreamItem, 2, items_of("a")));
}

TEST_F(StreamViolation, AnEndBeforeTheEndOfTheMessageThatCarriesItsStream) {
  ASSERT_TRUE(begin_request_with(1, {2, 1}).ok());
  ASSERT_TRUE(server_.receive(FrameType::kStreamEnd, 2, {}).ok());  // as where the call is cancelled half sent
  expect_refused(server_.receive(FrameType::kRequest, 1, pattern(10, 1), kFlagStreams | kFlagAttached));
}

TEST_F(StreamViolation, ACallIdWhoseStreamsAreStillOpen) {
  ASSERT_TRUE(request_with(1, {2, 1}).ok());
  ASSERT_NE(server_.session.reply(1, {}, 1), 0U);
  expect_refused(request_with(1, {2, 1}));
}

TEST_F(StreamViolation, ARepeatedCancellationOfAStreamThatIsNotAnnouncedIsToldOnce) {
  ASSERT_TRUE(client_.call(1, {}).ok());
  settle_both();
  server_.capacity = 2;
  const std::uint64_t stream = server_.session.reply(server_.requests[0].id, pattern(90'000, 1), 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(server_.receive(FrameType::kCancel, stream, {}).ok());
  EXPECT_EQ(server_.cancelled_streams, std::vector<std::uint64_t>{stream});
  EXPECT_EQ(server_.session.stream_room(stream).error().code, Code::kCancelled);
}

TEST_F(StreamViolation, ANotificationWithStreams) {
  expect_refused(server_.receive(FrameType::kNotify, 1, testing_support::request_body(0, "x"), kFlagStreams));
}

TEST_F(StreamViolation, FragmentsThatDisagreeWhetherThereAreStreams) {
  ASSERT_TRUE(begin_request_with(1, {2, 1}).ok());
  expect_refused(server_.receive(FrameType::kRequest, 1, pattern(10, 1), kFlagAttached));
}

TEST_F(StreamViolation, AnAnswerWithStreamsThatItDoesNotDescribe) {
  ASSERT_TRUE(client_.call(1, {}).ok());
  const std::uint64_t call = client_.written.front().header.call_id;
  expect_refused(client_.receive(FrameType::kReply, call, as_bytes("short"), kFlagStreams));
}

}  // namespace
}  // namespace ipcbridge
