#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/rpc/session_streams_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::items_of;
using testing_support::kAcceptorBit;
using testing_support::pattern;
using testing_support::SessionSide;
using testing_support::SessionStreams;
using testing_support::settle;
using testing_support::small_stream_limits;
using testing_support::text_of;

TEST_F(SessionStreams, AResultBringsItemsAndTheirEnd) {
  const std::uint64_t stream = open_result();
  EXPECT_EQ(stream, kAcceptorBit | 1U);
  EXPECT_EQ(server_.send(stream, "ab").value().items, 2U);
  server_.session.end_stream(stream);
  settle_both();
  EXPECT_EQ(client_.items[stream], "ab");
  ASSERT_EQ(client_.ends[stream].size(), 1U);
  EXPECT_EQ(client_.ends[stream][0].code, Code::kOk);
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(server_.session.idle());
}

// The peer may write to its memory after the sizes in it have been checked.
TEST_F(SessionStreams, ItemsAreCopiedOutOfThePeersMemoryBeforeTheyAreChecked) {
  const std::uint64_t stream = open_result();
  const Buffer body = items_of("abc");
  ASSERT_TRUE(client_.receive(FrameType::kStreamItem, stream, body).ok());
  EXPECT_EQ(client_.items[stream], "abc");
  EXPECT_TRUE(client_.items_at < body.data() || client_.items_at >= body.data() + body.size());
}

TEST_F(SessionStreams, ArgumentsGoTheOtherWay) {
  const std::uint64_t stream = open_argument();
  EXPECT_EQ(stream, 2U);
  static_cast<void>(client_.send(stream, "x"));
  client_.session.end_stream(stream);
  settle_both();
  EXPECT_EQ(server_.items[stream], "x");
  EXPECT_EQ(server_.ends[stream].at(0).code, Code::kOk);
}

TEST_F(SessionStreams, AnErrorEndsAStream) {
  const std::uint64_t stream = open_result();
  const Error error{Code::kAborted, "no more"};
  server_.session.end_stream(stream, &error, as_bytes("details"));
  settle_both();
  const auto& end = client_.ends[stream].at(0);
  EXPECT_EQ(end.code, Code::kAborted);
  EXPECT_EQ(end.message, "no more");
  EXPECT_EQ(text_of(end.payload), "details");
}

TEST_F(SessionStreams, TheSenderStopsWhereTheWindowEnds) {
  const std::uint64_t stream = open_result();
  EXPECT_TRUE(server_.send(stream, "abcd").value().empty());
  EXPECT_EQ(server_.send(stream, "e").error().code, Code::kInternal);
  settle_both();
  EXPECT_TRUE(server_.rooms.empty());
  client_.session.consume_stream(stream, 4, client_.item_bytes[stream]);
  settle_both();
  EXPECT_EQ(server_.rooms, std::vector<std::uint64_t>{stream});
  EXPECT_EQ(server_.session.stream_room(stream).value().items, 4U);
}

TEST_F(SessionStreams, CreditComesBeforeTheSenderHasToWait) {
  const std::uint64_t stream = open_result();
  static_cast<void>(server_.send(stream, "ab"));
  settle_both();
  client_.session.consume_stream(stream, 1, client_.item_bytes[stream] / 2);
  settle_both();
  EXPECT_EQ(server_.session.stream_room(stream).value().items, 3U);
  EXPECT_TRUE(server_.rooms.empty());
}

TEST_F(SessionStreams, AnItemLargerThanTheWindowTravelsWhenNothingElseDoes) {
  const std::uint64_t stream = open_result();
  Buffer body = items_of("z");
  store(body.data() + kItemsPrefixBytes, std::uint32_t{50'000});
  body.resize(kItemsPrefixBytes + 4 + 50'000, std::byte{'z'});
  EXPECT_TRUE(server_.session.send_items(stream, body).value().empty());
  settle_both();
  EXPECT_EQ(client_.item_bytes[stream], body.size());
  client_.session.consume_stream(stream, 1, body.size());
  settle_both();
  EXPECT_EQ(server_.session.stream_room(stream).value().bytes, 1000U);
}

TEST_F(SessionStreams, AnItemOverThePeersLimitIsRefused) {
  const std::uint64_t stream = open_result();
  Buffer body = items_of("z");
  store(body.data() + kItemsPrefixBytes, std::uint32_t{200'000});
  body.resize(kItemsPrefixBytes + 4 + 200'000);
  EXPECT_EQ(server_.session.send_items(stream, body).error().code, Code::kResourceExhausted);
  EXPECT_EQ(server_.send(stream, "a").value().items, 3U);
}

TEST_F(SessionStreams, AConsumerThatLeavesEndsTheProducer) {
  const std::uint64_t stream = open_result();
  static_cast<void>(server_.send(stream, "a"));
  client_.session.cancel_stream(stream);
  settle_both();
  EXPECT_EQ(server_.cancelled_streams, std::vector<std::uint64_t>{stream});
  EXPECT_EQ(server_.send(stream, "b").error().code, Code::kCancelled);
  EXPECT_TRUE(client_.ends[stream].empty());
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(server_.session.idle());
}

TEST_F(SessionStreams, ACancellationThatCrossesTheEndIsIgnored) {
  const std::uint64_t stream = open_result();
  server_.session.end_stream(stream);
  client_.session.cancel_stream(stream);
  settle_both();
  EXPECT_TRUE(server_.cancelled_streams.empty());
  EXPECT_TRUE(client_.ends[stream].empty());
  EXPECT_TRUE(client_.session.idle());
}

TEST_F(SessionStreams, ACancellationDropsTheRestOfALongItem) {
  const std::uint64_t stream = open_result();
  Buffer body = items_of("z");
  store(body.data() + kItemsPrefixBytes, std::uint32_t{100'000});
  body.resize(kItemsPrefixBytes + 4 + 100'000);
  server_.capacity = 2;
  static_cast<void>(server_.session.send_items(stream, body));
  Progress status;
  ASSERT_TRUE(deliver_one(server_, client_, status));
  client_.session.cancel_stream(stream);
  ASSERT_TRUE(deliver_one(client_, server_, status));
  server_.capacity = ~std::size_t{0};
  settle_both();
  EXPECT_LT(server_.session.open_streams(), 1U);
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(server_.session.idle());
}

TEST_F(SessionStreams, ACancellationDropsTheRestOfALongEnd) {
  const std::uint64_t stream = open_result();
  const Error error{Code::kAborted, "no more"};
  server_.capacity = 2;
  server_.session.end_stream(stream, &error, pattern(100'000, 1));
  Progress status;
  ASSERT_TRUE(deliver_one(server_, client_, status));
  client_.session.cancel_stream(stream);
  server_.capacity = ~std::size_t{0};
  settle_both();
  EXPECT_TRUE(client_.ends[stream].empty());
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(server_.session.idle());
}

TEST_F(SessionStreams, ArgumentsEndWithTheAnswer) {
  const std::uint64_t stream = open_argument();
  server_.session.reply(server_.requests.back().id, {});
  settle_both();
  EXPECT_EQ(server_.ends[stream].at(0).code, Code::kCancelled);
  EXPECT_EQ(client_.cancelled_streams, std::vector<std::uint64_t>{stream});
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(server_.session.idle());
}

TEST_F(SessionStreams, ArgumentsLiveAsLongAsTheStreamsOfTheAnswer) {
  const std::uint64_t argument = open_argument();
  const std::uint64_t result = server_.session.reply(server_.requests.back().id, {}, 1);
  settle_both();
  EXPECT_TRUE(server_.ends[argument].empty());
  static_cast<void>(client_.send(argument, "in"));
  settle_both();
  EXPECT_EQ(server_.items[argument], "in");
  server_.session.end_stream(result);
  settle_both();
  EXPECT_EQ(server_.ends[argument].at(0).code, Code::kCancelled);
  EXPECT_TRUE(client_.session.idle());
}

TEST_F(SessionStreams, ARefusedRequestLeavesNoStream) {
  Account account(100);
  SessionSide server(Session::Side::kAcceptor, small_stream_limits(), small_stream_limits(), &account);
  ASSERT_TRUE(client_.call_with_streams(1, 2, pattern(50'000, 1)).ok());
  ASSERT_TRUE(settle(client_, server).ok());
  EXPECT_TRUE(server.requests.empty());
  EXPECT_EQ(client_.outcomes[1].at(0).code, Code::kResourceExhausted);
  EXPECT_EQ(client_.cancelled_streams.size(), 2U);
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(server.session.idle());
  EXPECT_EQ(account.bytes(), 0U);
}

TEST_F(SessionStreams, ItemsComeBehindTheLongMessageThatCarriesTheirStream) {
  ASSERT_TRUE(client_.call(1, {}).ok());
  settle_both();
  server_.capacity = 2;
  const std::uint64_t stream = server_.session.reply(server_.requests[0].id, pattern(90'000, 1), 1);
  EXPECT_TRUE(server_.session.stream_room(stream).value().empty());
  server_.capacity = ~std::size_t{0};
  settle_both();
  EXPECT_EQ(server_.rooms, std::vector<std::uint64_t>{stream});
  EXPECT_EQ(client_.outcomes[1].at(0).payload.size(), 90'000U);
}

TEST_F(SessionStreams, AnEndBeforeTheLongMessageIsSentComesBehindIt) {
  ASSERT_TRUE(client_.call(1, {}).ok());
  settle_both();
  server_.capacity = 2;
  const std::uint64_t stream = server_.session.reply(server_.requests[0].id, pattern(90'000, 1), 1);
  server_.session.end_stream(stream);
  server_.capacity = ~std::size_t{0};
  settle_both();
  EXPECT_EQ(client_.ends[stream].at(0).code, Code::kOk);
  EXPECT_TRUE(server_.session.idle());
}

TEST_F(SessionStreams, ACallThatIsCancelledEndsItsArguments) {
  ASSERT_TRUE(client_.call_with_streams(1, 1).ok());
  const std::uint64_t call = client_.written.front().header.call_id;
  settle_both();
  client_.session.cancel(call);
  settle_both();
  EXPECT_EQ(client_.cancelled_streams.size(), 1U);
  EXPECT_EQ(server_.ends[client_.opened[1].first].at(0).code, Code::kCancelled);
  server_.session.reply(server_.requests[0].id, {});
  settle_both();
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(server_.session.idle());
}

TEST_F(SessionStreams, AnAnswerThatCarriesOneArrivesThoughItIsCancelledAndEndsIt) {
  const std::uint64_t call = client_.call(1, {}).value();
  settle_both();
  server_.capacity = 1;
  const std::uint64_t stream = server_.session.reply(server_.requests.back().id, Buffer(90'000), 1);
  Progress status;
  ASSERT_TRUE(testing_support::deliver_one(server_, client_, status) && status.ok()) << "it has begun";
  EXPECT_TRUE(client_.session.cancel(call));
  settle_both();
  server_.capacity = ~std::size_t{0};
  settle_both();
  EXPECT_EQ(server_.cancelled_streams, std::vector<std::uint64_t>{stream});
  server_.session.end_stream(stream);
  settle_both();
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(server_.session.idle());
}

TEST_F(SessionStreams, ACallThatIsCancelledHalfSentEndsItsArguments) {
  client_.capacity = 2;
  const std::uint64_t call = client_.call_with_streams(1, 1, pattern(90'000, 1)).value();
  EXPECT_EQ(client_.opened.count(1), 0U);
  client_.capacity = ~std::size_t{0};
  EXPECT_FALSE(client_.session.cancel(call));
  settle_both();
  EXPECT_TRUE(server_.requests.empty());
  EXPECT_TRUE(client_.cancelled_streams.empty());
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(server_.session.idle());
}

TEST_F(SessionStreams, AnAnswerThatNobodyWaitsForBringsNoStream) {
  ASSERT_TRUE(client_.call(1, {}).ok());
  const std::uint64_t call = client_.written.front().header.call_id;
  settle_both();
  client_.session.cancel(call);
  const std::uint64_t stream = server_.session.reply(server_.requests[0].id, {}, 1);
  settle_both();
  EXPECT_EQ(server_.cancelled_streams, std::vector<std::uint64_t>{stream});
  EXPECT_TRUE(client_.session.idle());
  EXPECT_TRUE(server_.session.idle());
}

TEST_F(SessionStreams, TooManyAreRefusedAndTheConnectionGoesOn) {
  for (int i = 0; i < 3; ++i) open_result();
  ASSERT_TRUE(client_.call(9, {}).ok());
  settle_both();
  EXPECT_EQ(server_.session.reply(server_.requests.back().id, {}, 1), 0U);
  settle_both();
  EXPECT_EQ(client_.outcomes[9].at(0).code, Code::kResourceExhausted);
  EXPECT_EQ(client_.call_with_streams(10, 4).error().code, Code::kResourceExhausted);
}

TEST_F(SessionStreams, APeerThatTakesNoneIsSentNone) {
  Limits none = small_stream_limits();
  none.max_streams = 0;
  SessionSide client(Session::Side::kConnector, small_stream_limits(), none);
  EXPECT_EQ(client.call_with_streams(1, 1).error().code, Code::kUnimplemented);
  EXPECT_TRUE(client.call(2, {}).ok());
}

TEST_F(SessionStreams, TheEndOfAConnectionEndsBothSides) {
  const std::uint64_t result = open_result();
  const std::uint64_t argument = open_argument();
  client_.session.fail(CloseReason::peer_gone());
  EXPECT_EQ(client_.ends[result].at(0).code, Code::kUnavailable);
  EXPECT_EQ(client_.cancelled_streams, std::vector<std::uint64_t>{argument});
  EXPECT_EQ(client_.session.stream_room(argument).error().code, Code::kCancelled);
}

TEST_F(SessionStreams, TheEndOfAConnectionEndsTheStreamsOfAReplyThatHasNotBeenSent) {
  for (std::uint64_t token = 1; token <= 2; ++token) ASSERT_TRUE(client_.call(token, {}).ok());
  settle_both();
  server_.capacity = 0;
  const std::uint64_t open = server_.session.reply(server_.requests[0].id, {}, 1);
  EXPECT_TRUE(server_.session.stream_room(open).value().empty());
  server_.session.end_stream(server_.session.reply(server_.requests[1].id, {}, 1));
  server_.session.fail(CloseReason::peer_gone());
  EXPECT_EQ(server_.cancelled_streams, std::vector<std::uint64_t>{open});
}

TEST_F(SessionStreams, ACallThatWasNotSentKeepsItsStreams) {
  client_.capacity = 2;
  ASSERT_TRUE(client_.call_with_streams(1, 2, pattern(90'000, 1)).ok());
  client_.session.fail(CloseReason::peer_gone());
  EXPECT_EQ(client_.unsent[1].size(), 90'000U);
  EXPECT_TRUE(client_.cancelled_streams.empty());
  EXPECT_TRUE(client_.opened.empty());
}

TEST_F(SessionStreams, RoomThatCouldNotBeToldIsToldLater) {
  const std::uint64_t stream = open_result();
  static_cast<void>(server_.send(stream, "abcd"));
  settle_both();
  server_.takes_rooms = false;
  client_.session.consume_stream(stream, 4, client_.item_bytes[stream]);
  settle_both();
  server_.takes_rooms = true;
  server_.session.tell_rooms();
  EXPECT_EQ(server_.rooms, std::vector<std::uint64_t>{stream});
}

TEST_F(SessionStreams, WhatIsKeptIsChargedUntilItIsTaken) {
  Account account(100'000);
  SessionSide server(Session::Side::kAcceptor, small_stream_limits(), small_stream_limits(), &account);
  ASSERT_TRUE(client_.call_with_streams(1, 1).ok());
  ASSERT_TRUE(settle(client_, server).ok());
  const std::uint64_t stream = client_.opened[1].first;
  const std::uint64_t before = account.bytes();
  static_cast<void>(client_.send(stream, "abc"));
  client_.session.end_stream(stream);
  ASSERT_TRUE(settle(client_, server).ok());
  EXPECT_EQ(account.bytes(), before + server.item_bytes[stream]);
  server.session.consume_stream(stream, 3, server.item_bytes[stream]);
  EXPECT_LT(account.bytes(), before);  // nor is the stream, which is over
  server.session.reply(server.requests[0].id, {});
  EXPECT_EQ(account.bytes(), 0U);
}

TEST_F(SessionStreams, AStreamForWhichTheAccountHasNoRoomEndsAlone) {
  Account account(3000);
  Limits limits = small_stream_limits();
  limits.stream_window_bytes = 100'000;
  SessionSide client(Session::Side::kConnector, limits, limits);
  SessionSide server(Session::Side::kAcceptor, limits, limits, &account);
  ASSERT_TRUE(client.call_with_streams(1, 1).ok());
  ASSERT_TRUE(settle(client, server).ok());
  const std::uint64_t stream = client.opened[1].first;
  Buffer body = items_of("z");
  store(body.data() + kItemsPrefixBytes, std::uint32_t{5'000});
  body.resize(kItemsPrefixBytes + 4 + 5'000);
  static_cast<void>(client.session.send_items(stream, body));
  ASSERT_TRUE(settle(client, server).ok());
  EXPECT_EQ(server.ends[stream].at(0).code, Code::kResourceExhausted);
  EXPECT_EQ(client.cancelled_streams, std::vector<std::uint64_t>{stream});
  server.session.reply(server.requests[0].id, {});
  ASSERT_TRUE(settle(client, server).ok());
  EXPECT_EQ(client.outcomes[1].at(0).code, Code::kOk);
  EXPECT_EQ(account.bytes(), 0U);
}

}  // namespace
}  // namespace ipcbridge
