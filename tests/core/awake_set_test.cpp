#include "core/endpoint/awake_set.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/endpoint.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::FaultySystem;
using testing_support::run_idle;
using testing_support::run_until;

// Many connections of one process to a service, all asleep. Every doorbell that the client rings is counted.
class AwakeSetOfAService : public testing::Test {
 protected:
  static constexpr std::size_t kConnections = 20;

  AwakeSetOfAService() : client_(counting()) {
    server_.serve(address_);
    for (std::size_t i = 0; i < kConnections; ++i) clients_.push_back(client_.connect(address_));
    call_all();
  }

  DriverOptions counting() {
    system_.on_sendmsg = [this] {
      ++doorbells_;
      return false;
    };
    DriverOptions options;
    options.system = &system_;
    return options;
  }

  // Leaves everybody asleep.
  void call_all() {
    const std::size_t before = client_.outcomes.size();
    for (const ClientId client : clients_) client_.call(client, "x");
    ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.outcomes.size() == before + kConnections; }));
    run_idle({&server_, &client_});
    doorbells_ = 0;
  }

  FaultySystem system_;
  int doorbells_ = 0;
  testing_support::TemporaryDirectory directory_;
  std::string address_ = "shm://" + (directory_ / "calc");
  Endpoint server_;
  Endpoint client_;
  std::vector<ClientId> clients_;
};

TEST_F(AwakeSetOfAService, IsWokenByOneDoorbell) {
  client_.call(clients_[0], "x");
  EXPECT_EQ(doorbells_, 1);
  server_.turn();
  for (const ClientId client : clients_) client_.call(client, "x");
  EXPECT_EQ(doorbells_, 1) << "the service was awake";
}

TEST_F(AwakeSetOfAService, DoesNotFallAsleepInPart) {
  client_.call(clients_[0], "x");
  server_.turn();
  client_.call(clients_[1], "x");
  EXPECT_FALSE(server_.driver().prepare_sleep()) << "a message is there";
  for (const ClientId client : clients_) client_.call(client, "x");
  EXPECT_EQ(doorbells_, 1);
}

TEST_F(AwakeSetOfAService, IsRungAgainForEachSleep) {
  for (int i = 0; i < 3; ++i) {
    client_.call(clients_[0], "x");
    EXPECT_EQ(doorbells_, 1);
    run_idle({&server_, &client_});
    doorbells_ = 0;
  }
}

TEST_F(AwakeSetOfAService, LetsIdleConnectionsSleepWhileAnotherIsBusy) {
  // Two reviews, which come every 20 ms of a consumer that is never idle for 1,024 turns.
  const TimePoint end = Clock::now() + std::chrono::milliseconds(60);
  std::size_t turns = 0;
  while (Clock::now() < end || turns < 4096) {
    const std::uint64_t token = client_.call(clients_[0], "x");
    for (; !client_.ended(token); ++turns) {
      server_.turn();
      client_.turn();
    }
  }
  doorbells_ = 0;
  client_.call(clients_[0], "x");
  EXPECT_EQ(doorbells_, 0) << "the busy one is awake";
  client_.call(clients_[1], "x");
  EXPECT_EQ(doorbells_, 1) << "the idle one sleeps";
  client_.call(clients_[1], "x");
  EXPECT_EQ(doorbells_, 1);
  ASSERT_TRUE(
      run_until({&server_, &client_}, [&] { return client_.driver().client_status(clients_[1]).pending_calls == 0; }));
}

}  // namespace
}  // namespace ipcbridge
