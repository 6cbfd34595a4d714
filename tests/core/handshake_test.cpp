#include "core/endpoint/handshake.hpp"

#include <utility>

#include <gtest/gtest.h>

#include "core/shm/layout.hpp"
#include "tests/core/channel_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::FaultySystem;
using testing_support::header_of;
using testing_support::LingeringSocket;
using testing_support::send_descriptors;
using testing_support::socket_pair;

// One side of a handshake, with a bare socket as its peer.
class HandshakeTest : public testing::Test {
 protected:
  Status receive(FrameType type, const Buffer& body, std::uint8_t flags = 0) {
    return handshake_.on_frame(header_of(type, 0, body.size(), flags), body);
  }

  std::pair<Fd, Fd> sockets_ = socket_pair();
  Fd raw_ = std::move(sockets_.first);
  FaultySystem system_;
  UnixChannel channel_{system_, std::move(sockets_.second), PeerIdentity{}};
  Handshake handshake_{system_, Hello{}, shm::kDefaultRingBytes, channel_, &channel_};
};

TEST_F(HandshakeTest, WhatComesInsteadOfASegmentIsMadeToCloseAtOnce) {
  ASSERT_TRUE(handshake_.start().ok());
  const LingeringSocket passed;
  send_descriptors(raw_, {passed.fd()});
  testing_support::Collector sink;
  ASSERT_TRUE(channel_.read(sink, ReadBudget{}, true).ok());
  Hello hello;
  hello.optional_features = feature::kShm;
  ASSERT_TRUE(receive(FrameType::kHello, encode_hello(hello)).ok());
  EXPECT_FALSE(passed.lingers());
}

}  // namespace
}  // namespace ipcbridge
