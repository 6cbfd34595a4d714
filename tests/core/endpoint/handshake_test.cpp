#include "core/endpoint/handshake.hpp"

#include <cstddef>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "core/shm/layout.hpp"
#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/process.hpp"
#include "tests/core/transport/channel_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::FaultySystem;
using testing_support::header_of;
using testing_support::LingeringSocket;
using testing_support::mapped_segments;
using testing_support::send_descriptors;
using testing_support::socket_pair;

// One side of a handshake, with a bare socket as its peer.
class HandshakeTest : public testing::Test {
 protected:
  Progress receive(FrameType type, const Buffer& body, std::uint8_t flags = 0) {
    return handshake_.on_frame(header_of(type, 0, body.size(), flags), body);
  }
  Handshake make(Session::Side side) { return {system_, side, Hello{}, shm::kDefaultRingBytes, channel_}; }

  std::pair<Fd, Fd> sockets_ = socket_pair();
  Fd raw_ = std::move(sockets_.first);
  FaultySystem system_;
  UnixChannel channel_{system_, std::move(sockets_.second), LocalPeer{}};
  Handshake handshake_ = make(Session::Side::kAcceptor);
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

TEST_F(HandshakeTest, SkipsAFrameOfAnUnknownTypeThatMayBeIgnored) {
  constexpr auto kUnknown = static_cast<FrameType>(99);
  EXPECT_TRUE(receive(kUnknown, {}, kFlagIgnorable).ok());
  ASSERT_TRUE(receive(FrameType::kHello, encode_hello(Hello{})).ok());
  EXPECT_TRUE(handshake_.theirs().has_value());
  EXPECT_EQ(receive(kUnknown, {}).why().code(), Code::kDataLoss);
}

TEST_F(HandshakeTest, AHelloOutOfTurnIsAViolationWhateverItsFlags) {
  ASSERT_TRUE(receive(FrameType::kHello, encode_hello(Hello{})).ok());
  EXPECT_EQ(receive(FrameType::kHello, encode_hello(Hello{}), kFlagIgnorable).why().code(), Code::kDataLoss);
}

TEST_F(HandshakeTest, AnUnknownFlagIsAViolation) {
  EXPECT_EQ(receive(FrameType::kHello, encode_hello(Hello{}), 0x80).why().code(), Code::kDataLoss);
  EXPECT_EQ(receive(static_cast<FrameType>(99), {}, 0x80 | kFlagIgnorable).why().code(), Code::kDataLoss);
}

TEST_F(HandshakeTest, SoIsAnythingInTheFieldThatMustBeZero) {
  const Buffer body = encode_hello(Hello{});
  FrameHeader header = header_of(FrameType::kHello, 0, body.size());
  header.zero = 1;
  EXPECT_EQ(handshake_.on_frame(header, body).why().code(), Code::kDataLoss);
}

TEST_F(HandshakeTest, KeepsNoSegmentWhereThePeerOffersNone) {
  const std::size_t before = mapped_segments();
  ASSERT_TRUE(handshake_.start().ok());
  EXPECT_EQ(mapped_segments(), before + 1);
  ASSERT_TRUE(receive(FrameType::kHello, encode_hello(Hello{})).ok());
  EXPECT_TRUE(handshake_.finished());
  EXPECT_EQ(mapped_segments(), before);
}

TEST_F(HandshakeTest, KeepsNoSegmentsWhereThePeerRefusesIts) {
  const shm::OwnSegment peers = std::move(shm::create_segment(system_, shm::kDefaultRingBytes)).value();
  const std::size_t before = mapped_segments();
  ASSERT_TRUE(handshake_.start().ok());
  send_descriptors(raw_, {peers.memory.get()});
  testing_support::Collector sink;
  ASSERT_TRUE(channel_.read(sink, ReadBudget{}, true).ok());
  Hello hello;
  hello.optional_features = feature::kShm;
  ASSERT_TRUE(receive(FrameType::kHello, encode_hello(hello)).ok());
  EXPECT_EQ(mapped_segments(), before + 2);
  ASSERT_TRUE(receive(FrameType::kUpgrade, encode_upgrade({false, Code::kResourceExhausted, "no room"})).ok());
  EXPECT_TRUE(handshake_.finished());
  EXPECT_EQ(mapped_segments(), before);
  EXPECT_EQ(handshake_.fallback().message, "no room");
}

// They stay for as long as the connection does.
TEST_F(HandshakeTest, AnAcceptorTakesAFewMethodsOfItsPeersOnly) {
  Hello hello;
  hello.methods.resize(kMaxPeerMethods);
  Handshake acceptor = make(Session::Side::kAcceptor);
  const Buffer few = encode_hello(hello);
  ASSERT_TRUE(acceptor.on_frame(header_of(FrameType::kHello, 0, few.size()), few).ok());
  EXPECT_EQ(acceptor.theirs()->methods.size(), kMaxPeerMethods);
  hello.methods.resize(kMaxMethods);
  EXPECT_FALSE(receive(FrameType::kHello, encode_hello(hello)).ok());
  Handshake connector = make(Session::Side::kConnector);
  const Buffer body = encode_hello(hello);
  ASSERT_TRUE(connector.on_frame(header_of(FrameType::kHello, 0, body.size()), body).ok());
  EXPECT_EQ(connector.theirs()->methods.size(), kMaxMethods);
}

}  // namespace
}  // namespace ipcbridge
