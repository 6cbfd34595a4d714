// Peers that are no clients of this library, or of another user.
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "core/rpc/hello.hpp"
#include "core/rpc/message.hpp"
#include "core/transport/socket.hpp"
#include "tests/core/endpoint/driver_fault_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::become_nobody;
using testing_support::Child;
using testing_support::DriverFaults;
using testing_support::Endpoint;
using testing_support::header_of;
using testing_support::kNobody;
using testing_support::LingeringSocket;
using testing_support::pattern;
using testing_support::run_until;
using testing_support::ScopedEnvironment;
using testing_support::send_descriptors;

// A bare socket that says whatever it likes to a service.
class RawPeer {
 public:
  explicit RawPeer(const std::string& path) : socket_(connect_unix(System::real(), path).value()) {}

  void send(ConstBytes bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) return;  // a full socket or a refusal, as the test wants
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
  }
  void send_frame(FrameType type, std::uint64_t id, ConstBytes body) {
    const FrameHeader header = header_of(type, id, body.size());
    send(std::as_bytes(std::span(&header, 1)));
    send(body);
  }
  // What has arrived so far, in one piece; `closed` when the other side has gone.
  void receive() {
    std::byte bytes[65536];
    ssize_t got = 0;
    while ((got = ::recv(socket_.get(), bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
      append(received, ConstBytes(bytes, static_cast<std::size_t>(got)));
    }
    closed = closed || got == 0 || (errno != EAGAIN && errno != EINTR);
  }
  // The refusal among the frames received.
  Outcome refusal() const {
    ConstBytes rest(received);
    while (rest.size() >= sizeof(FrameHeader)) {
      const auto header = load<FrameHeader>(rest.data());
      const ConstBytes body = rest.subspan(sizeof header, header.length);
      if (header.type == FrameType::kError && header.call_id == 0) return decode_error(body).value();
      rest = rest.subspan(sizeof header + header.length);
    }
    return {};
  }

  Buffer received;
  bool closed = false;

  const Fd& socket() const { return socket_; }

 private:
  Fd socket_;
};

class DriverStrangers : public DriverFaults {
 protected:
  bool until_closed(RawPeer& peer) {
    return run_until({&server_}, [&] {
      peer.receive();
      return peer.closed;
    });
  }
  void expect_to_be_closed_alone(std::string_view bytes) {
    server_.serve(address_);
    RawPeer peer(path_);
    peer.send(as_bytes(bytes));
    EXPECT_TRUE(until_closed(peer));
    expect_service();
  }
};

TEST_F(DriverStrangers, GarbageInsteadOfAHelloClosesThatConnectionOnly) {
  expect_to_be_closed_alone("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

TEST_F(DriverStrangers, ASlowLorisIsClosedWhenTheHandshakeTakesTooLong) { expect_to_be_closed_alone("half"); }

TEST_F(DriverStrangers, APeerOfAnotherVersionIsToldBothVersions) {
  server_.serve(address_);
  RawPeer peer(path_);
  Hello hello;
  hello.major = 7;
  hello.minor = 3;
  peer.send_frame(FrameType::kHello, 0, encode_hello(hello));
  ASSERT_TRUE(until_closed(peer));
  EXPECT_EQ(peer.refusal().code, Code::kFailedPrecondition);
  EXPECT_NE(peer.refusal().message.find("7.3"), std::string::npos);
  EXPECT_NE(peer.refusal().message.find("update ipcbridge on the side of version 1.0"), std::string::npos);
}

TEST_F(DriverStrangers, ARefusalIsNotAnsweredByAnother) {
  server_.serve(address_);
  RawPeer peer(path_);
  peer.send_frame(FrameType::kError, 0, encode_error_prefix(Code::kFailedPrecondition, true, "another version"));
  ASSERT_TRUE(until_closed(peer));
  EXPECT_EQ(peer.refusal().code, Code::kOk) << peer.refusal().message;
  expect_service();
}

TEST_F(DriverStrangers, AForgedOfferOfSharedMemoryFallsBackToTheSocket) {
  const ScopedEnvironment environment("IPCBRIDGE_DIR", directory_ / "names");
  const ServerId server = server_.serve("calc");
  RawPeer peer(directory_ / "names/calc.sock");
  Hello hello;
  hello.optional_features = feature::kShm;  // but no descriptor comes with it
  peer.send_frame(FrameType::kHello, 0, encode_hello(hello));
  peer.send_frame(FrameType::kUpgrade, 0, encode_upgrade({true, Code::kOk, ""}));
  ASSERT_TRUE(run_until({&server_}, [&] { return server_.driver().server_status(server).connections == 1; }));
  EXPECT_EQ(server_.driver().server_status(server).shm_connections, 0U);
  peer.receive();
  EXPECT_FALSE(peer.closed);
}

// Its close() would block that of the server, for as long as the peer likes.
TEST_F(DriverStrangers, ADescriptorPassedBeforeTheServerAcceptsIsMadeToCloseAtOnce) {
  const ServerId server = server_.serve(address_);
  const LingeringSocket passed;
  const RawPeer first(path_);
  const RawPeer second(path_);
  send_descriptors(second.socket(), {passed.fd()});
  server_.driver().close_server(server, std::chrono::hours(1));
  EXPECT_FALSE(passed.lingers());
}

TEST_F(DriverStrangers, AViolationInTheSessionClosesThatConnectionOnly) {
  server_.serve(address_);
  RawPeer peer(path_);
  peer.send_frame(FrameType::kHello, 0, encode_hello(Hello{}));
  peer.send_frame(FrameType::kReply, 1, {});
  EXPECT_TRUE(until_closed(peer));
  expect_service();
}

TEST_F(DriverStrangers, AGoodbyeOfAClientEndsNoneOfItsCalls) {
  server_.serve(address_);
  RawPeer peer(path_);
  peer.send_frame(FrameType::kHello, 0, encode_hello(Hello{}));
  peer.send_frame(FrameType::kGoaway, 0, {});
  const RequestPrefix prefix = encode_request_prefix(Request{});
  peer.send_frame(FrameType::kRequest, 1, Buffer(prefix.begin(), prefix.end()));
  EXPECT_TRUE(run_until({&server_}, [&] { return server_.requests.size() == 1; }));
  peer.receive();
  EXPECT_FALSE(peer.closed);
}

TEST_F(DriverStrangers, AFrameOverTheLimitClosesThatConnectionOnly) {
  server_.serve(address_);
  RawPeer peer(path_);
  peer.send_frame(FrameType::kHello, 0, encode_hello(Hello{}));
  const FrameHeader header = header_of(FrameType::kRequest, 1, 0xFFFFFFFF);
  peer.send(std::as_bytes(std::span(&header, 1)));
  EXPECT_TRUE(until_closed(peer));
  expect_service();
}

TEST_F(DriverStrangers, APeerThatAsksAndNeverReadsCostsWhatItWasGranted) {
  server_.serve(address_);
  server_.handle = [](Endpoint& self, const Endpoint::Asked& asked) {
    self.driver().reply(asked.key, pattern(10'000, 1));
  };
  RawPeer peer(path_);
  peer.send_frame(FrameType::kHello, 0, encode_hello(Hello{}));
  const Buffer body = [] {
    const RequestPrefix prefix = encode_request_prefix(Request{});
    return Buffer(prefix.begin(), prefix.end());
  }();
  // It asks without regard to its grant, so in the end it is closed; until then its answers pile up.
  for (std::uint64_t id = 1; id <= 5000 && server_.requests.size() < 5000; ++id) {
    peer.send_frame(FrameType::kRequest, id, body);
    server_.run();
  }
  EXPECT_LE(server_.requests.size(), 1024U + 64U) << "1024 calls are granted; what the socket took is extra";
  server_.handle = Endpoint::echo;
  expect_service();
}

TEST_F(DriverStrangers, AnotherUserIsRefused) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can become another user";
  serve_to_others({});
  Child stranger([&] {
    if (!become_nobody()) return 1;
    RawPeer peer(path_);
    while (!peer.closed) peer.receive();
    const Outcome refusal = peer.refusal();
    return refusal.code == Code::kPermissionDenied ? 0 : 2;
  });
  EXPECT_EQ(served_until_it_ends(stranger), 0);
}

TEST_F(DriverStrangers, AnAllowedUserIsNot) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can become another user";
  serve_to_others({{kNobody}, {}});
  Child guest([&] {
    if (!become_nobody()) return 1;
    RawPeer peer(path_);
    peer.send_frame(FrameType::kHello, 0, encode_hello(Hello{}));
    while (!peer.closed && peer.received.empty()) peer.receive();
    return peer.closed ? 2 : 0;
  });
  EXPECT_EQ(served_until_it_ends(guest), 0);
}

TEST_F(DriverStrangers, AProcessInAnAllowedGroupIsNotWhateverTheDatabaseSays) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can become another user";
  constexpr gid_t kGroup = 54321;  // that no database knows
  serve_to_others({{}, {kGroup}});
  for (const bool member : {true, false}) {
    Child guest([&] {
      if (!become_nobody(member ? std::vector<gid_t>{kNobody, kGroup} : std::vector<gid_t>{kNobody})) return 1;
      RawPeer peer(path_);
      peer.send_frame(FrameType::kHello, 0, encode_hello(Hello{}));
      while (!peer.closed && peer.received.empty()) peer.receive();
      return peer.refusal().code == (member ? Code::kOk : Code::kPermissionDenied) ? 0 : 2;
    });
    EXPECT_EQ(served_until_it_ends(guest), 0) << member;
  }
}

}  // namespace
}  // namespace ipcbridge
