// Whoever arrives at a service, over each transport: some of them never finish the handshake.
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "core/rpc/hello.hpp"
#include "core/transport/transports.hpp"
#include "tests/core/support/endpoint.hpp"
#include "tests/core/support/support.hpp"
#include "tests/core/transport/channel_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::Collector;
using testing_support::Endpoint;
using testing_support::pattern;
using testing_support::run_until;
using testing_support::TemporaryDirectory;
using testing_support::text_of;
using testing_support::write;

class ArrivalConformance : public testing::TestWithParam<const char*> {
 protected:
  static DriverOptions impatient() {
    DriverOptions options;
    options.handshake_timeout = std::chrono::milliseconds(50);
    return options;
  }

  std::unique_ptr<Channel> raw_peer() const {
    const Address address = parse_address(address_).value();
    return std::move(*Transports::real().connect(System::real(), address)->advance()).value();
  }

  // What the service says to it at last.
  static Progress end_of(Channel& peer, Endpoint& server) {
    Progress last;
    Collector sink;
    EXPECT_TRUE(run_until({&server}, [&] {
      last = peer.read(sink, ReadBudget{}, true);
      return !last.ok();
    }));
    return last;
  }

  void expect_service() {
    const ClientId client = client_.connect(address_);
    const std::uint64_t token = client_.call(client, "still here");
    ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
    EXPECT_EQ(text_of(client_.outcomes[token].payload), "still here") << client_.outcomes[token].message;
  }

  TemporaryDirectory directory_;
  std::string address_ =
      std::string(GetParam()) == "inproc" ? "inproc://arrivals" : "unix://" + (directory_ / "arrivals");
  Endpoint server_{impatient()};
  Endpoint client_;
};

TEST_P(ArrivalConformance, OneThatGoesBeforeItIsAcceptedDisturbsNobody) {
  server_.serve(address_);
  raw_peer().reset();
  expect_service();
}

TEST_P(ArrivalConformance, OneThatDiesInTheHandshakeDisturbsNobody) {
  const ServerId server = server_.serve(address_);
  auto silent = raw_peer();
  auto spoke = raw_peer();
  ASSERT_TRUE(write(*spoke, 0, encode_hello(Hello{}), FrameType::kHello));
  while (server_.run()) {
  }
  silent.reset();
  spoke.reset();
  expect_service();
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.driver().server_status(server).connections == 1; }));
}

TEST_P(ArrivalConformance, OneThatSaysNothingIsGivenUp) {
  server_.serve(address_);
  const auto silent = raw_peer();
  EXPECT_EQ(end_of(*silent, server_).why().code(), Code::kUnavailable);
  expect_service();
}

TEST_P(ArrivalConformance, OneThatBreaksTheProtocolIsClosedAlone) {
  server_.serve(address_);
  const auto broken = raw_peer();
  ASSERT_TRUE(write(*broken, 1, "an answer to what nobody asked"));
  EXPECT_EQ(end_of(*broken, server_).why().code(), Code::kUnavailable);
  expect_service();
}

TEST_P(ArrivalConformance, ALongHelloArrivesWhole) {
  std::vector<std::string> methods;
  for (int i = 0; i < 5000; ++i) methods.push_back("method_with_a_long_name_" + std::to_string(i));
  server_.serve(address_, methods);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReady); }));
  EXPECT_EQ(client_.driver().methods(client), methods);
}

TEST_P(ArrivalConformance, OneTooManyIsToldSo) {
  ServeOptions options;
  options.address = address_;
  options.methods = {"echo"};
  options.max_connections_per_user = 1;
  server_.serve(options);
  const ClientId first = client_.connect(address_);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(first, ClientState::kReady); }));
  ConnectOptions once;
  once.addresses = {address_};
  once.connect_timeout = Duration::zero();
  const ClientId second = client_.connect(once);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(second, ClientState::kClosed); }));
  EXPECT_EQ(client_.last(second).code, Code::kResourceExhausted) << client_.last(second).message;
}

TEST_P(ArrivalConformance, ThoseInTheHandshakeAreToldThatTheServiceCloses) {
  const ServerId server = server_.serve(address_);
  const auto waiting = raw_peer();
  server_.driver().close_server(server, Duration::zero());
  EXPECT_EQ(end_of(*waiting, server_).why().code(), Code::kUnavailable);
}

INSTANTIATE_TEST_SUITE_P(Transports, ArrivalConformance, testing::Values("unix", "inproc"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace ipcbridge
