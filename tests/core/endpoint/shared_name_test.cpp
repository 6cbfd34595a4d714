#include <unistd.h>

#include <csignal>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/naming/members.hpp"
#include "tests/core/support/endpoint.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::Endpoint;
using testing_support::run_idle;
using testing_support::run_until;

class SharedName : public testing::TestWithParam<const char*> {
 protected:
  ServeOptions options(bool shared = true, Takeover takeover = Takeover::kWait) const {
    ServeOptions options;
    options.address = address_;
    options.methods = {"echo"};
    options.shared = shared;
    options.takeover = takeover;
    options.takeover_timeout = std::chrono::seconds(60);
    return options;
  }
  ServerId serve(Endpoint& endpoint) { return endpoint.serve(options()); }
  static ServerState state(Endpoint& endpoint, ServerId server) {
    return endpoint.driver().server_status(server).state;
  }
  ClientStatus status(ClientId client) { return client_.driver().client_status(client, {}); }
  bool knows(ClientId client, std::size_t members) {
    return run_until({&one_, &two_, &client_}, [&] {
      const ClientStatus seen = status(client);
      return seen.state == ClientState::kReady && seen.links.size() == members;
    });
  }
  // And for those of before.
  void call_and_wait(ClientId client, int times) {
    for (int i = 0; i < times; ++i) calls_.push_back(client_.call(client, "x"));
    ASSERT_TRUE(run_until({&one_, &two_, &client_}, [&] { return client_.outcomes.size() == calls_.size(); }));
    for (const auto& [token, ended] : client_.outcomes) EXPECT_EQ(ended.code, Code::kOk) << ended.message;
  }
  void call(ClientId client, int times) {
    for (int i = 0; i < times; ++i) calls_.push_back(client_.call(client, "on its way"));
  }

  testing_support::TemporaryDirectory directory_;
  std::string path_ = directory_ / "calc";
  std::string address_ = std::string(GetParam()) + "://" + path_;
  Endpoint one_;
  Endpoint two_;
  Endpoint client_;
  std::vector<std::uint64_t> calls_;
};

TEST_P(SharedName, CallsAreSpreadOverAllWhoServeIt) {
  serve(one_);
  serve(two_);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(knows(client, 2));
  call_and_wait(client, 100);
  EXPECT_EQ(one_.requests.size(), 50U);
  EXPECT_EQ(two_.requests.size(), 50U);
}

TEST_P(SharedName, OneByOneTheCallsGoRound) {
  serve(one_);
  serve(two_);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(knows(client, 2));
  for (int i = 0; i < 10; ++i) call_and_wait(client, 1);
  EXPECT_EQ(one_.requests.size(), 5U);
  EXPECT_EQ(two_.requests.size(), 5U);
}

TEST_P(SharedName, CallsGoToThoseWhoOfferTheirMethodHoweverBusyTheyAre) {
  ServeOptions more = options();
  more.methods = {"other", "echo"};
  const ServerId both = one_.serve(more);
  serve(two_);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(knows(client, 2));
  for (int i = 0; i < 20; ++i) calls_.push_back(client_.call(client, "x", {}, "other"));
  call_and_wait(client, 0);
  EXPECT_EQ(one_.requests.size(), 20U);
  call_and_wait(client, 10);
  EXPECT_EQ(one_.requests.size(), 25U) << "half of those of the method that both have";

  // Called when nobody is left who offers it.
  one_.driver().close_server(both, std::chrono::seconds(60));
  ASSERT_TRUE(knows(client, 1));
  const Result<Submission> refused = client_.try_call(client, 1, as_bytes("x"), {}, "other");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kUnimplemented);
  EXPECT_NE(refused.error().message.find("no method 'other'"), std::string::npos) << refused.error().message;
  call_and_wait(client, 1);
}

TEST_P(SharedName, WhoComesLaterIsFoundAtOnce) {
  serve(one_);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(knows(client, 1));
  serve(two_);
  ASSERT_TRUE(knows(client, 2));
  call_and_wait(client, 10);
  EXPECT_EQ(two_.requests.size(), 5U);
}

TEST_P(SharedName, WhoLeavesIsForgottenAndNoCallFails) {
  const ServerId leaving = serve(one_);
  serve(two_);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(knows(client, 2));
  call(client, 20);
  one_.driver().close_server(leaving, std::chrono::seconds(60));
  ASSERT_TRUE(knows(client, 1));
  call_and_wait(client, 20);
  EXPECT_TRUE(client_.is(client, ClientState::kReady));
}

TEST_P(SharedName, OneThatIsKilledLosesNothingThatWasNotSent) {
  Child child([this] {
    Endpoint endpoint;
    const ServerId server = serve(endpoint);
    run_until({&endpoint}, [&] { return state(endpoint, server) == ServerState::kClosed; });
    return 0;
  });
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(knows(client, 1));
  serve(two_);
  ASSERT_TRUE(knows(client, 2));
  child.kill(SIGKILL);
  ASSERT_TRUE(knows(client, 1));
  call_and_wait(client, 20);
  EXPECT_EQ(two_.requests.size(), 20U);
}

TEST_P(SharedName, TheStatusTellsOfEachWhoServesIt) {
  serve(one_);
  serve(two_);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(knows(client, 2));
  const ClientStatus seen = status(client);
  EXPECT_EQ(seen.address, address_);
  std::set<std::string> addresses;
  for (const LinkStatus& link : seen.links) {
    addresses.insert(link.address);
    EXPECT_EQ(link.state, ClientState::kReady);
    EXPECT_EQ(link.transport, GetParam());
    EXPECT_EQ(link.local_peer()->pid, ::getpid());
  }
  EXPECT_EQ(addresses, (std::set<std::string>{address_ + "@1", address_ + "@2"}));
}

TEST_P(SharedName, EachWhoServesItTellsItsOwnPath) {
  const ServerId one = serve(one_);
  const ServerId two = serve(two_);
  EXPECT_EQ(one_.driver().server_status(one).path, path_ + "@1");
  EXPECT_EQ(two_.driver().server_status(two).path, path_ + "@2");
}

TEST_P(SharedName, WhenAllHaveGoneCallsWaitForTheNext) {
  const ServerId one = serve(one_);
  const ServerId two = serve(two_);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(knows(client, 2));
  one_.driver().close_server(one, std::chrono::seconds(60));
  two_.driver().close_server(two, std::chrono::seconds(60));
  ASSERT_TRUE(run_until({&one_, &two_, &client_}, [&] { return client_.is(client, ClientState::kReconnecting); }));
  EXPECT_EQ(status(client).links.size(), 1U) << "the address that is looked for";
  EXPECT_EQ(status(client).links[0].address, address_);
  call(client, 1);
  serve(two_);
  ASSERT_TRUE(knows(client, 1));
  call_and_wait(client, 1);
}

TEST_P(SharedName, OneThatSaysThatItIsBusyComesLast) {
  if (std::string(GetParam()) != "shm") GTEST_SKIP() << "it is said over shared memory";
  const ServerId busy = serve(one_);
  serve(two_);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(knows(client, 2));
  ASSERT_TRUE(run_until({&one_, &two_, &client_}, [&] { return one_.driver().server_status(busy).connections == 1; }));
  one_.driver().tell_activity(busy, shm::Activity{0, System::real().now()});
  call_and_wait(client, 10);
  EXPECT_EQ(two_.requests.size(), 10U);
  one_.driver().tell_activity(busy, std::nullopt);
  call_and_wait(client, 10);
  EXPECT_EQ(one_.requests.size(), 5U) << "half of those after that";
}

TEST_P(SharedName, TryingOnceIsEnoughToFindThem) {
  serve(one_);
  ConnectOptions once;
  once.addresses = {address_};
  once.connect_timeout = Duration::zero();
  EXPECT_TRUE(knows(client_.connect(once), 1));
}

// Each would go to the same one, if all of them looked in the same order.
TEST_P(SharedName, TheFirstCallsOfManyClientsAreSpread) {
  serve(one_);
  serve(two_);
  std::vector<std::unique_ptr<Endpoint>> clients;
  while (clients.size() < 100 && (one_.requests.empty() || two_.requests.empty())) {
    Endpoint& caller = *clients.emplace_back(std::make_unique<Endpoint>());
    const std::uint64_t token = caller.call(caller.connect(address_), "first");
    ASSERT_TRUE(run_until({&one_, &two_, &caller}, [&] { return caller.ended(token); }));
  }
  EXPECT_FALSE(one_.requests.empty());
  EXPECT_FALSE(two_.requests.empty());
}

TEST_P(SharedName, ADeploymentThatBeginsToShareFailsNoCall) {
  one_.serve(options(false));
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(knows(client, 1));
  call(client, 20);
  const ServerId next = two_.serve(options(true, Takeover::kReplace));
  ASSERT_TRUE(run_until({&one_, &two_, &client_}, [&] { return state(two_, next) == ServerState::kListening; }));
  call_and_wait(client, 20);
  EXPECT_EQ(status(client).links[0].address, address_ + "@1");
}

TEST_P(SharedName, ADeploymentThatEndsToShareAsksAllAndFailsNoCall) {
  Endpoint next;
  const ServerId one = serve(one_);
  const ServerId two = serve(two_);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(knows(client, 2));
  call(client, 20);
  const ServerId alone = next.serve(options(false, Takeover::kReplace));
  ASSERT_TRUE(
      run_until({&one_, &two_, &next, &client_}, [&] { return state(next, alone) == ServerState::kListening; }));
  call(client, 20);
  ASSERT_TRUE(run_until({&one_, &two_, &next, &client_}, [&] { return client_.outcomes.size() == 40; }));
  for (const auto& [token, ended] : client_.outcomes) EXPECT_EQ(ended.code, Code::kOk) << ended.message;
  EXPECT_TRUE(run_until({&one_, &two_, &next, &client_}, [&] {
    return state(one_, one) == ServerState::kClosed && state(two_, two) == ServerState::kClosed &&
           status(client).links[0].address == address_;
  }));
  EXPECT_EQ(one_.last(one).code, Code::kAborted);
}

TEST_P(SharedName, WhoeverSharesItDisplacesNobodyWhoDoes) {
  const ServerId one = serve(one_);
  const ServerId two = two_.serve(options(true, Takeover::kReplace));
  run_idle({&one_, &two_});
  EXPECT_EQ(state(one_, one), ServerState::kListening);
  EXPECT_EQ(state(two_, two), ServerState::kListening);
}

TEST_P(SharedName, WhoeverWantsItAloneIsToldWhoSharesIt) {
  Child child([this] {
    Endpoint endpoint;
    const ServerId server = serve(endpoint);
    run_until({&endpoint}, [&] { return state(endpoint, server) == ServerState::kClosed; });
    return 0;
  });
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(knows(client, 1));
  const ServerId refused = two_.serve(options(false, Takeover::kFail));
  run_idle({&two_});
  EXPECT_EQ(two_.last(refused).code, Code::kAlreadyExists);
  EXPECT_NE(two_.last(refused).message.find("share the name"), std::string::npos) << two_.last(refused).message;
}

TEST_P(SharedName, ServedAgainByTheSameConsumerItIsReplaced) {
  const ServerId first = serve(one_);
  const ServerId second = serve(one_);
  EXPECT_TRUE(run_until({&one_}, [&] { return state(one_, first) == ServerState::kClosed; }));
  EXPECT_EQ(state(one_, second), ServerState::kListening);
}

TEST_P(SharedName, WhoseFilesAreRemovedIsFoundAgain) {
  const ServerId one = serve(one_);
  ASSERT_EQ(::unlink((path_ + ".lock").c_str()), 0);
  ASSERT_EQ(::unlink((path_ + "@1").c_str()), 0);
  ASSERT_TRUE(run_until({&one_}, [&] { return ::access((path_ + "@1").c_str(), F_OK) == 0; }));
  EXPECT_EQ(state(one_, one), ServerState::kListening);
  const ClientId client = client_.connect(address_);
  EXPECT_TRUE(knows(client, 1));
}

TEST_P(SharedName, WhatTheDeadHaveLeftKeepsNobodyFromTheLiving) {
  serve(one_);
  const std::string dead = path_ + member_suffix(7);
  {
    Child child([&] {
      Endpoint endpoint;
      ServeOptions killed = options(false);
      killed.address = "unix://" + dead;
      endpoint.serve(killed);
      ::_exit(0);
      return 0;
    });
    child.wait();
  }
  ASSERT_EQ(::access(dead.c_str(), F_OK), 0);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(knows(client, 1));
  call_and_wait(client, 10);
}

INSTANTIATE_TEST_SUITE_P(Transports, SharedName, testing::Values("shm", "unix"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST(SharedNames, WithinAProcessThereAreNone) {
  Endpoint endpoint;
  ServeOptions options;
  options.address = "inproc://calc";
  options.shared = true;
  EXPECT_EQ(endpoint.driver().serve(options).error().code, Code::kInvalidArgument);
}

TEST(SharedNames, NeedRoomInThePathForTheirNumbers) {
  Endpoint endpoint;
  ServeOptions options;
  options.address = "unix:///" + std::string(kMaxSocketPath - 1, 'x');
  options.shared = true;
  const Result<ServerId> refused = endpoint.driver().serve(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("102 bytes"), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace ipcbridge
