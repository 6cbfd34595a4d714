#pragma once

#include <gtest/gtest.h>

#include "tests/core/rpc/session_pair.hpp"

namespace ipcbridge::testing_support {

inline constexpr std::uint64_t kAcceptorBit = 1ULL << 63U;

inline Limits small_stream_limits() {
  Limits limits;
  limits.max_message_bytes = 200'000;
  limits.max_pending_bytes = 100'000;
  limits.max_pending_calls = 4;
  limits.max_streams = 3;
  limits.stream_window_items = 4;
  limits.stream_window_bytes = 1000;
  return limits;
}

class SessionStreams : public testing::Test {
 protected:
  void settle_both() { ASSERT_TRUE(settle(client_, server_).ok()); }

  // A call whose result is a stream of the server's.
  std::uint64_t open_result() {
    EXPECT_TRUE(client_.call(++token_, {}).ok());
    EXPECT_TRUE(settle(client_, server_).ok());
    const std::uint64_t stream = server_.session.reply(server_.requests.back().id, as_bytes("r"), 1);
    EXPECT_TRUE(settle(client_, server_).ok());
    EXPECT_EQ(client_.outcomes[token_].at(0).streams.first, stream);
    return stream;
  }

  // A call with a stream of the client's; not answered.
  std::uint64_t open_argument() {
    EXPECT_TRUE(client_.call_with_streams(++token_, 1).ok());
    EXPECT_TRUE(settle(client_, server_).ok());
    EXPECT_EQ(server_.requests.back().streams.first, client_.opened[token_].first);
    return client_.opened[token_].first;
  }

  std::uint64_t token_ = 0;
  SessionSide client_{Session::Side::kConnector, small_stream_limits(), small_stream_limits()};
  SessionSide server_{Session::Side::kAcceptor, small_stream_limits(), small_stream_limits()};
};

}  // namespace ipcbridge::testing_support
