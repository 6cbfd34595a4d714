#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "core/channel/socket.hpp"
#include "core/rpc/hello.hpp"
#include "core/rpc/message.hpp"
#include "tests/core/endpoint.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::Endpoint;
using testing_support::fail_with;
using testing_support::FaultySystem;
using testing_support::header_of;
using testing_support::run_idle;
using testing_support::run_until;
using testing_support::ScopedEnvironment;
using testing_support::TemporaryDirectory;
using testing_support::text_of;

constexpr uid_t kNobody = 65534;

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

 private:
  Fd socket_;
};

class DriverFaults : public testing::Test {
 protected:
  bool until_closed(RawPeer& peer) {
    return run_until({&server_}, [&] {
      peer.receive();
      return peer.closed;
    });
  }
  // Everybody else must be served as before.
  void expect_service() {
    const ClientId client = client_.connect(address_);
    const std::uint64_t token = client_.call(client, "still here");
    ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
    EXPECT_EQ(text_of(client_.outcomes[token].payload), "still here") << client_.outcomes[token].message;
  }

  static DriverOptions with(System& system) {
    DriverOptions options;
    options.system = &system;
    options.handshake_timeout = std::chrono::milliseconds(50);
    return options;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_ / "calc";
  std::string address_ = "unix://" + path_;
  FaultySystem server_system_;
  FaultySystem client_system_;
  Endpoint server_{with(server_system_)};
  Endpoint client_{with(client_system_)};
};

TEST_F(DriverFaults, GarbageInsteadOfAHelloClosesThatConnectionOnly) {
  server_.serve(address_);
  RawPeer peer(path_);
  peer.send(as_bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  EXPECT_TRUE(until_closed(peer));
  expect_service();
}

TEST_F(DriverFaults, ASlowLorisIsClosedWhenTheHandshakeTakesTooLong) {
  server_.serve(address_);
  RawPeer peer(path_);
  peer.send(as_bytes("half"));
  EXPECT_TRUE(until_closed(peer));
  expect_service();
}

TEST_F(DriverFaults, APeerOfAnotherVersionIsToldBothVersions) {
  server_.serve(address_);
  RawPeer peer(path_);
  Hello hello;
  hello.major = 7;
  hello.minor = 3;
  peer.send_frame(FrameType::kHello, 0, encode_hello(hello));
  ASSERT_TRUE(until_closed(peer));
  EXPECT_EQ(peer.refusal().code, Code::kFailedPrecondition);
  EXPECT_NE(peer.refusal().message.find("7.3"), std::string::npos);
  EXPECT_NE(peer.refusal().message.find("1.0"), std::string::npos);
}

TEST_F(DriverFaults, ARefusalIsNotAnsweredByAnother) {
  server_.serve(address_);
  RawPeer peer(path_);
  peer.send_frame(FrameType::kError, 0, encode_error_prefix(Code::kFailedPrecondition, true, "another version"));
  ASSERT_TRUE(until_closed(peer));
  EXPECT_EQ(peer.refusal().code, Code::kOk) << peer.refusal().message;
  expect_service();
}

TEST_F(DriverFaults, AForgedOfferOfSharedMemoryFallsBackToTheSocket) {
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

TEST_F(DriverFaults, AViolationInTheSessionClosesThatConnectionOnly) {
  server_.serve(address_);
  RawPeer peer(path_);
  peer.send_frame(FrameType::kHello, 0, encode_hello(Hello{}));
  peer.send_frame(FrameType::kReply, 1, {});
  EXPECT_TRUE(until_closed(peer));
  expect_service();
}

TEST_F(DriverFaults, AFrameOverTheLimitClosesThatConnectionOnly) {
  server_.serve(address_);
  RawPeer peer(path_);
  peer.send_frame(FrameType::kHello, 0, encode_hello(Hello{}));
  const FrameHeader header = header_of(FrameType::kRequest, 1, 0xFFFFFFFF);
  peer.send(std::as_bytes(std::span(&header, 1)));
  EXPECT_TRUE(until_closed(peer));
  expect_service();
}

TEST_F(DriverFaults, APeerThatAsksAndNeverReadsCostsWhatItWasGranted) {
  server_.serve(address_);
  server_.handle = [](Endpoint& self, const Endpoint::Asked& asked) {
    self.driver().reply(asked.key, testing_support::pattern(10'000, 1));
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
    server_.turn();
  }
  EXPECT_LE(server_.requests.size(), 1024U + 64U) << "1024 calls are granted; what the socket took is extra";
  server_.handle = Endpoint::echo;
  expect_service();
}

TEST_F(DriverFaults, RunningOutOfDescriptorsDelaysAConnectionAndLosesNothing) {
  server_.serve(address_);
  server_system_.on_accept = fail_with(EMFILE, 3);
  expect_service();
}

TEST_F(DriverFaults, AClientWithoutDescriptorsTriesAgain) {
  server_.serve(address_);
  client_system_.on_socket = fail_with(EMFILE, 3);
  expect_service();
}

TEST_F(DriverFaults, AClientThatNeverGetsADescriptorSaysWhy) {
  server_.serve(address_);
  client_system_.on_socket = fail_with(EMFILE);
  ConnectOptions options;
  options.addresses = {address_};
  options.connect_timeout = std::chrono::milliseconds(30);
  const ClientId client = client_.connect(options);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !client_.client_states.empty(); }));
  EXPECT_NE(client_.last(client).message.find(std::strerror(EMFILE)), std::string::npos)
      << client_.last(client).message;
}

TEST_F(DriverFaults, WithoutMemoryToShareTheSocketIsUsedAndStatusSaysWhy) {
  const ScopedEnvironment environment("IPCBRIDGE_DIR", directory_ / "names");
  server_.serve("calc");
  client_system_.on_fallocate = fail_with(ENOSPC);
  const ClientId client = client_.connect("calc");
  const std::uint64_t token = client_.call(client, "x");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
  EXPECT_EQ(client_.driver().client_status(client).transport, "unix");
  EXPECT_NE(client_.driver().client_status(client).fallback_reason.find("reserve"), std::string::npos);
}

TEST_F(DriverFaults, WithTooManyDescriptorsUnderWayTheSocketIsUsedAndStatusSaysWhy) {
  const ScopedEnvironment environment("IPCBRIDGE_DIR", directory_ / "names");
  server_.serve("calc");
  client_system_.on_sendmsg = fail_with(ETOOMANYREFS, 1);
  const ClientId client = client_.connect("calc");
  const std::uint64_t token = client_.call(client, "x");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
  EXPECT_EQ(text_of(client_.outcomes[token].payload), "x") << client_.outcomes[token].message;
  EXPECT_EQ(client_.driver().client_status(client).transport, "unix");
  EXPECT_NE(client_.driver().client_status(client).fallback_reason.find("too many descriptors"), std::string::npos);
}

TEST_F(DriverFaults, WhoeverAsksForSharedMemoryByNameIsToldWhyThereIsNone) {
  const auto code_of_a_try = [this] {
    ConnectOptions options;
    options.addresses = {"shm://" + path_};
    options.connect_timeout = std::chrono::milliseconds(30);
    const ClientId client = client_.connect(options);
    EXPECT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kClosed); }));
    return client_.last(client).code;
  };
  server_.serve("shm://" + path_);
  client_system_.on_memfd = fail_with(EMFILE);
  EXPECT_EQ(code_of_a_try(), Code::kResourceExhausted);
  client_system_.on_memfd = {};
  server_system_.on_memfd = fail_with(EMFILE);
  EXPECT_EQ(code_of_a_try(), Code::kResourceExhausted) << "the service's HELLO says so";
  server_system_.on_memfd = {};
  server_system_.on_mmap = [calls = 0]() mutable {  // of each two, the second maps the client's segment
    errno = ENOMEM;
    return ++calls % 2 == 0;
  };
  EXPECT_EQ(code_of_a_try(), Code::kResourceExhausted) << "the service's verdict says so";
}

TEST_F(DriverFaults, WhoeverAsksForSharedMemoryOfAServiceWithoutIsToldAtOnce) {
  server_.serve(address_);
  const ClientId client = client_.connect("shm://" + path_);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kClosed); }));
  EXPECT_EQ(client_.last(client).code, Code::kFailedPrecondition);
}

TEST_F(DriverFaults, ANameThatIsNowhereIsReportedWithItsDirectory) {
  const ScopedEnvironment environment("IPCBRIDGE_DIR", directory_ / "names");
  ConnectOptions options;
  options.addresses = {"nobody"};
  options.connect_timeout = std::chrono::milliseconds(20);
  const ClientId client = client_.connect(options);
  ASSERT_TRUE(run_until({&client_}, [&] { return !client_.client_states.empty(); }));
  EXPECT_EQ(client_.last(client).code, Code::kUnavailable);
  EXPECT_NE(client_.last(client).message.find("nobody"), std::string::npos);
  EXPECT_NE(client_.last(client).message.find(directory_ / "names"), std::string::npos);
}

TEST_F(DriverFaults, AnotherUserIsRefused) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can become another user";
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  ServeOptions options;
  options.address = address_;
  options.mode = 0666;
  server_.serve(options);
  Child stranger([&] {
    if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) return 1;
    RawPeer peer(path_);
    while (!peer.closed) peer.receive();
    const Outcome refusal = peer.refusal();
    return refusal.code == Code::kPermissionDenied ? 0 : 2;
  });
  while (stranger.running()) server_.turn();
  EXPECT_EQ(stranger.wait(), 0);
}

TEST_F(DriverFaults, ARefusalIsHeardAlthoughTheHelloFoundTheSocketClosed) {
  ServeOptions options;
  options.address = address_;
  options.max_connections_per_user = 0;
  server_.serve(options);
  client_system_.on_sendmsg = fail_with(EPIPE);
  ConnectOptions patience;
  patience.addresses = {address_};
  patience.connect_timeout = std::chrono::milliseconds(30);
  const ClientId client = client_.connect(patience);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kClosed); }));
  EXPECT_EQ(client_.last(client).code, Code::kResourceExhausted) << client_.last(client).message;
}

TEST_F(DriverFaults, AnAllowedUserIsNot) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can become another user";
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  ServeOptions options;
  options.address = address_;
  options.mode = 0666;
  options.methods = {"echo"};
  options.allow.uids = {kNobody};
  server_.serve(options);
  Child guest([&] {
    if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) return 1;
    RawPeer peer(path_);
    peer.send_frame(FrameType::kHello, 0, encode_hello(Hello{}));
    while (!peer.closed && peer.received.empty()) peer.receive();
    return peer.closed ? 2 : 0;
  });
  while (guest.running()) server_.turn();
  EXPECT_EQ(guest.wait(), 0);
}

TEST_F(DriverFaults, TheDriverOfAForkedChildIsDeadAndTheParentsIsUnharmed) {
  server_.serve(address_);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReady); }));
  Child child([&] {
    if (client_.try_call(client, 1, {}).error().code != Code::kFailedPrecondition) return 1;
    return client_.driver().prepare_sleep() && !client_.turn() ? 0 : 2;
  });
  EXPECT_EQ(child.wait(), 0);
  const std::uint64_t token = client_.call(client, "parent");
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
}

// The service is killed in the middle of many calls: each ends once, and a new service is found.
TEST_F(DriverFaults, EachCallEndsOnceWhenTheServiceIsKilled) {
  for (const char* transport : {"unix://", "shm://"}) {
    const std::string address = transport + path_;
    const auto serve = [&] {
      Endpoint service;
      service.serve(address);
      run_until({&service}, [] { return false; });
      return 0;
    };
    auto victim = std::make_unique<Child>(serve);
    Endpoint caller;
    const ClientId client = caller.connect(address);
    constexpr std::size_t kCalls = 10'000;
    for (std::size_t i = 0; i < kCalls; ++i) caller.call(client, "x");
    ASSERT_TRUE(run_until({&caller}, [&] { return caller.outcomes.size() > 100; }));
    victim->kill(SIGKILL);
    victim->wait();
    victim = std::make_unique<Child>(serve);
    ASSERT_TRUE(run_until({&caller}, [&] { return caller.outcomes.size() == kCalls; }));
    for (const auto& [token, ended] : caller.outcomes) {
      ASSERT_EQ(ended.times, 1);
      ASSERT_TRUE(ended.code == Code::kOk || (ended.code == Code::kUnavailable && ended.sent_maybe)) << ended.message;
    }
    const std::uint64_t token = caller.call(client, "new");
    EXPECT_TRUE(run_until({&caller}, [&] { return caller.ended(token); }));
    EXPECT_EQ(caller.outcomes[token].code, Code::kOk);
  }
}

TEST_F(DriverFaults, AStoppedServiceLetsDeadlinesPassAndGoesOnAfterwards) {
  const std::string address = "shm://" + path_;
  Child service([&] {
    Endpoint endpoint;
    endpoint.serve(address);
    run_until({&endpoint}, [] { return false; });
    return 0;
  });
  Endpoint caller;
  const ClientId client = caller.connect(address);
  ASSERT_TRUE(run_until({&caller}, [&] { return caller.is(client, ClientState::kReady); }));
  service.kill(SIGSTOP);
  CallOptions options;
  options.timeout = std::chrono::milliseconds(20);
  const std::uint64_t late = caller.call(client, "x", options);
  ASSERT_TRUE(run_until({&caller}, [&] { return caller.ended(late); }));
  EXPECT_EQ(caller.outcomes[late].code, Code::kDeadlineExceeded);
  service.kill(SIGCONT);
  const std::uint64_t token = caller.call(client, "y");
  ASSERT_TRUE(run_until({&caller}, [&] { return caller.ended(token); }));
  EXPECT_EQ(text_of(caller.outcomes[token].payload), "y");
}

}  // namespace
}  // namespace ipcbridge
