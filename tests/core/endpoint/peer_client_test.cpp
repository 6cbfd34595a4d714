// The side that was dialled calls the other.
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/rpc/references.hpp"
#include "tests/core/endpoint/connected_drivers.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::run_idle;
using testing_support::run_until;

class PeerClients : public testing_support::ConnectedDrivers {
 protected:
  // A client that offers methods of its own.
  ClientId connected_with_methods() {
    ServeOptions offered;
    offered.attached = true;
    offered.methods = {"echo", "other"};
    offered_ = client_.serve(offered);
    server_id_ = server_.serve(address_);
    ConnectOptions options;
    options.addresses = {address_};
    options.serves = offered_;
    options.name = "billing";
    const ClientId client = client_.connect(options);
    EXPECT_TRUE(run_until({&server_, &client_}, [&] {
      return client_.is(client, ClientState::kReady) && !server_.driver().peers(server_id_).empty();
    }));
    return client;
  }
  ClientId peer() { return server_.driver().peer_client(server_.driver().peers(server_id_).at(0).connection).value(); }

  ServerId offered_ = 0;
};

TEST_P(PeerClients, AServerSeesWhoIsConnectedAndCallsThem) {
  connected_with_methods();
  const Peer peer = server_.driver().peers(server_id_).at(0);
  EXPECT_EQ(peer.name, "billing");
  EXPECT_EQ(peer.language, Language::kCpp);
  const ClientId client = server_.driver().peer_client(peer.connection).value();
  EXPECT_EQ(server_.driver().methods(client), (std::vector<std::string>{"echo", "other"}));
  const std::uint64_t token = server_.call(client, "hello");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.ended(token); }));
  EXPECT_EQ(as_text(server_.outcomes[token].payload), "hello");
  EXPECT_EQ(server_.driver().peer_client(peer.connection).value(), client) << "one for each connection";
}

TEST_P(PeerClients, BothSidesCallAtATime) {
  const ClientId client = connected_with_methods();
  std::vector<std::uint64_t> there;
  std::vector<std::uint64_t> back;
  const ClientId other_way = peer();
  for (int i = 0; i < 100; ++i) {
    there.push_back(client_.call(client, std::string(static_cast<std::size_t>(i) * 1000, 'a')));
    back.push_back(server_.call(other_way, std::string(static_cast<std::size_t>(i) * 1000, 'b')));
  }
  ASSERT_TRUE(run_until({&server_, &client_}, [&] {
    return client_.outcomes.size() == there.size() && server_.outcomes.size() == back.size();
  }));
  for (const std::uint64_t token : back) EXPECT_EQ(server_.outcomes[token].code, Code::kOk);
}

TEST_P(PeerClients, WhoOffersNothingCannotBeCalled) {
  connected();
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !server_.driver().peers(server_id_).empty(); }));
  const std::uint64_t token = 99;
  EXPECT_EQ(server_.try_call(peer(), token, {}).error().code, Code::kUnimplemented);
}

TEST_P(PeerClients, ItsCallsEndWithTheConnection) {
  const ClientId client = connected_with_methods();
  client_.handle = Endpoint::keep;
  const ClientId other_way = peer();
  const std::uint64_t token = server_.call(other_way, "x");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !client_.requests.empty(); }));
  client_.driver().close_client(client);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.ended(token); }));
  EXPECT_EQ(server_.outcomes[token].code, Code::kUnavailable);
  EXPECT_TRUE(server_.outcomes[token].sent_maybe);
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return server_.is(other_way, ClientState::kClosed); }));
  EXPECT_EQ(server_.try_call(other_way, 99, {}).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(client_.cancelled.size(), 1U);
}

TEST_P(PeerClients, ToCloseItDisconnectsTheOtherSide) {
  const ClientId client = connected_with_methods();
  server_.driver().close_client(peer());
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReconnecting); }));
}

TEST_P(PeerClients, ACancelledCallIsToldToTheOtherSide) {
  connected_with_methods();
  client_.handle = Endpoint::keep;
  const ClientId other_way = peer();
  const std::uint64_t token = server_.call(other_way, "x");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !client_.requests.empty(); }));
  server_.driver().cancel(other_way, token);
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return !client_.cancelled.empty(); }));
}

class ReferenceCalls : public PeerClients {
 protected:
  ReferenceCalls() {
    ServeOptions options;
    options.attached = true;
    options.takes_references = true;
    references_ = client_.serve(options);
    server_.handle = Endpoint::keep;
  }

  // A call that waits at the server, and passes these.
  std::uint64_t pass(ClientId client, const std::vector<std::uint64_t>& references) {
    CallOptions options;
    options.references = references;
    const std::size_t before = server_.requests.size();
    const std::uint64_t token = client_.call(client, "x", options);
    EXPECT_TRUE(run_until({&server_, &client_}, [&] { return server_.requests.size() > before; }));
    return token;
  }
  Result<Submission> call_back(std::uint64_t token, std::uint64_t reference) {
    return call_back(server_.driver().peer_client(server_.requests.back().key.connection).value(), token, reference);
  }
  Result<Submission> call_back(ClientId caller, std::uint64_t token, std::uint64_t reference) {
    const std::uint64_t connection = server_.requests.back().key.connection;
    Buffer payload(sizeof reference);
    store(payload.data(), reference);
    append(payload, as_bytes("arguments"));
    CallOptions options;
    options.reference_on = connection;
    options.reference_method = "pay";
    options.timeout = timeout_;
    return server_.driver().call(caller, token, 5, options, {}, payload);
  }

  ServerId references_ = 0;
  std::optional<Duration> timeout_;
};

TEST_P(ReferenceCalls, AFunctionOfTheCallerIsCalled) {
  pass(connected(), {1});
  ASSERT_TRUE(call_back(50, 1).ok());
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.ended(50); }));
  EXPECT_EQ(server_.outcomes[50].code, Code::kOk);
  EXPECT_EQ(client_.requests.at(0).method, 5U) << "its methods are its owner's";
}

TEST_P(ReferenceCalls, ServersThatCloseWaitForCallsAndTheFunctionsThatTheyCall) {
  const std::uint64_t token = pass(connected(), {1});
  server_.driver().close_server(server_id_, std::chrono::seconds(10));
  run_idle({&server_, &client_});
  ASSERT_TRUE(call_back(50, 1).ok()) << "after the goodbye";
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.ended(50); }));
  EXPECT_EQ(server_.outcomes[50].code, Code::kOk);
  server_.driver().reply(server_.requests.back().key, {});
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
  EXPECT_EQ(client_.outcomes[token].code, Code::kOk);
}

TEST_P(ReferenceCalls, TheyFailWithTheConnection) {
  const ClientId client = connected();
  pass(client, {1});
  client_.handle = Endpoint::keep;
  ASSERT_TRUE(call_back(50, 1).ok());
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !client_.requests.empty(); }));
  client_.driver().close_client(client);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.ended(50); }));
  EXPECT_EQ(server_.outcomes[50].code, Code::kUnavailable);
  EXPECT_EQ(server_.outcomes[50].message.rfind("pay() was not answered: ", 0), 0U) << server_.outcomes[50].message;
}

TEST_P(ReferenceCalls, ThatAreNotAnsweredInTimeAreNamed) {
  pass(connected(), {1});
  client_.handle = Endpoint::keep;
  timeout_ = std::chrono::milliseconds(20);
  ASSERT_TRUE(call_back(50, 1).ok());
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.ended(50); }));
  EXPECT_EQ(server_.outcomes[50].code, Code::kDeadlineExceeded);
  EXPECT_EQ(server_.outcomes[50].message.rfind("pay() was not answered before its deadline", 0), 0U)
      << server_.outcomes[50].message;
}

TEST_P(ReferenceCalls, AfterTheConnectionTheReferenceIsGoneAndNotTheClient) {
  const ClientId client = connected();
  pass(client, {1});
  const ClientId caller = server_.driver().peer_client(server_.requests.back().key.connection).value();
  client_.driver().close_client(client);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.is(caller, ClientState::kClosed); }));
  const Result<Submission> called = call_back(caller, 50, 1);
  ASSERT_FALSE(called.ok());
  EXPECT_EQ(called.error().code, Code::kUnavailable);
  EXPECT_EQ(called.error().message,
            "pay() could not be sent: the reference is gone with the connection that it came over");
}

TEST_P(ReferenceCalls, ARetainedReferenceIsSharedUntilItIsReleased) {
  constexpr std::uint64_t kKept = References::kRetained | 4U;
  const std::uint64_t token = pass(connected(), {kKept});
  EXPECT_TRUE(client_.driver().shares_reference(kKept));
  const RequestKey key = server_.requests.back().key;
  server_.driver().reply(key, {});
  ASSERT_TRUE(run_until_ended(token));
  EXPECT_TRUE(client_.driver().shares_reference(kKept));
  server_.driver().release_reference(key.connection, kKept, 1);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !client_.released.empty(); }));
  EXPECT_EQ(client_.released.at(0), kKept);
  EXPECT_FALSE(client_.driver().shares_reference(kKept));
}

TEST_P(ReferenceCalls, ARetainedReferenceIsReleasedWhenTheCallsOfItAreOver) {
  constexpr std::uint64_t kKept = References::kRetained | 4U;
  pass(connected(), {kKept});
  client_.handle = Endpoint::keep;
  ASSERT_TRUE(call_back(50, kKept).ok());
  ASSERT_TRUE(call_back(51, kKept).ok());
  server_.driver().release_reference(server_.requests.back().key.connection, kKept, 1);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.requests.size() == 2; }));
  client_.driver().reply(client_.requests.at(0).key, {});
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.ended(50); }));
  run_idle({&server_, &client_});
  EXPECT_TRUE(client_.released.empty());
  client_.driver().reply(client_.requests.at(1).key, {});
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !client_.released.empty(); }));
  EXPECT_EQ(client_.released, std::vector<std::uint64_t>{kKept});
}

TEST_P(ReferenceCalls, ACallThatWaitsForAConnectionSharesWhatItPasses) {
  const ClientId client = client_.connect(address_);  // nobody serves yet
  constexpr std::uint64_t kKept = References::kRetained | 4U;
  const std::vector<std::uint64_t> references{kKept};
  CallOptions options;
  options.references = references;
  const std::uint64_t token = client_.call(client, "x", options);
  EXPECT_TRUE(client_.driver().shares_reference(kKept));
  client_.driver().cancel(client, token);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !client_.released.empty(); }));
  EXPECT_FALSE(client_.driver().shares_reference(kKept));
}

INSTANTIATE_TEST_SUITE_P(Transports, PeerClients, testing::Values("shm", "unix", "inproc"),
                         [](const auto& test) { return std::string(test.param); });
INSTANTIATE_TEST_SUITE_P(Transports, ReferenceCalls, testing::Values("shm", "unix", "inproc"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace ipcbridge
