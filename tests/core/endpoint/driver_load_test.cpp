#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/endpoint.hpp"
#include "tests/core/support/process.hpp"

namespace ipcbridge {
namespace {

using testing_support::allocated_bytes;
using testing_support::Endpoint;
using testing_support::pattern;
using testing_support::run_idle;
using testing_support::run_until;

class DriverLoad : public testing::Test {
 protected:
  testing_support::TemporaryDirectory directory_;
  Endpoint server_;
  Endpoint client_;
};

TEST_F(DriverLoad, CallsAreSpreadOverAListOfServices) {
  Endpoint other;
  const std::string one = "unix://" + (directory_ / "one");
  const std::string two = "shm://" + (directory_ / "two");
  server_.serve(one);
  other.serve(two);
  ConnectOptions options;
  options.addresses = {one, two};
  const ClientId client = client_.connect(options);
  run_idle({&server_, &other, &client_});
  for (int i = 0; i < 100; ++i) client_.call(client, "x");
  ASSERT_TRUE(run_until({&server_, &other, &client_}, [&] { return client_.outcomes.size() == 100; }));
  EXPECT_GT(server_.requests.size(), 20U);
  EXPECT_GT(other.requests.size(), 20U);
}

TEST_F(DriverLoad, TheRestOfAListGoesOnWhenOneServiceCloses) {
  Endpoint other;
  const std::string one = "unix://" + (directory_ / "one");
  const std::string two = "unix://" + (directory_ / "two");
  const ServerId closing = server_.serve(one);
  other.serve(two);
  ConnectOptions options;
  options.addresses = {one, two};
  const ClientId client = client_.connect(options);
  run_idle({&server_, &other, &client_});
  server_.driver().close_server(closing, Duration::zero());
  run_idle({&server_, &other, &client_});
  EXPECT_TRUE(client_.is(client, ClientState::kReady));
  for (int i = 0; i < 20; ++i) client_.call(client, "x");
  ASSERT_TRUE(run_until({&other, &client_}, [&] { return client_.outcomes.size() == 20; }));
  for (const auto& [token, ended] : client_.outcomes) EXPECT_EQ(ended.code, Code::kOk);
}

TEST_F(DriverLoad, HundredsOfConnectionsAreEachServed) {
  constexpr std::size_t kConnections = 450;  // of the 1,024 descriptors that a process usually may have
  const std::string address = "unix://" + (directory_ / "calc");
  const ServerId server = server_.serve(address);
  std::vector<ClientId> clients;
  for (std::size_t i = 0; i < kConnections; ++i) {
    clients.push_back(client_.connect(address));
    client_.call(clients.back(), "first");
  }
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.outcomes.size() == kConnections; }));
  EXPECT_EQ(server_.driver().server_status(server).connections, kConnections);
  for (const ClientId client : clients) client_.call(client, "second");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.outcomes.size() == 2 * kConnections; }));
  for (const ClientId client : clients) client_.driver().close_client(client);
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return server_.driver().server_status(server).connections == 0; }));
}

TEST_F(DriverLoad, AMillionCallsAtOnceAreEachAnsweredOnce) {
  const std::size_t calls = std::getenv("IPCBRIDGE_SANITIZED") == nullptr ? 1'000'000 : 100'000;
  const std::string address = "shm://" + (directory_ / "calc");
  server_.serve(address);
  const ClientId client = client_.connect(address);
  CallOptions patient;  // on a busy machine they take longer than calls usually may
  patient.timeout = std::chrono::hours(1);
  for (std::size_t i = 0; i < calls; ++i) client_.call(client, "x", patient);
  std::uint64_t wrong = 0;
  ASSERT_TRUE(run_until({&server_, &client_}, [&] {
    server_.requests.clear();
    return client_.outcomes.size() == calls;
  }));
  for (const auto& [token, ended] : client_.outcomes) wrong += ended.code == Code::kOk && ended.times == 1 ? 0 : 1;
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(client_.driver().client_status(client).queued_bytes, 0U);
}

TEST_F(DriverLoad, ABusyConnectionDoesNotStarveAnother) {
  const std::string address = "shm://" + (directory_ / "calc");
  server_.serve(address);
  Endpoint quiet;
  const ClientId noisy = client_.connect(address);
  const ClientId calm = quiet.connect(address);
  for (int i = 0; i < 50'000; ++i) client_.call(noisy, "x");
  const std::uint64_t token = quiet.call(calm, "y");
  ASSERT_TRUE(run_until({&server_, &client_, &quiet}, [&] { return quiet.ended(token); }));
  EXPECT_LT(client_.outcomes.size(), 40'000U) << "the calm one waited for the noisy one";
}

// What waits is counted against a limit; what is cancelled while it waits leaves nothing behind.
TEST_F(DriverLoad, CancelledCallsThatNeverLeftCostNothing) {
  const ClientId client = client_.connect("unix://" + (directory_ / "nobody"));
  for (int i = 0; i < 1000; ++i) client_.driver().cancel(client, client_.call(client, "x"));
  EXPECT_EQ(client_.driver().client_status(client).queued_calls, 0U);
  EXPECT_EQ(client_.driver().client_status(client).queued_bytes, 0U);
}

// Consumers use a token again: the address of what waits, or the place in a table.
TEST_F(DriverLoad, DeadlinesOfCallsThatHaveEndedAreNotKeptForOthersWithTheSameToken) {
  const std::string address = "unix://" + (directory_ / "calc");
  server_.serve(address);
  server_.handle = Endpoint::keep;
  const ClientId client = client_.connect(address);
  run_idle({&server_, &client_});
  CallOptions patient;
  patient.timeout = std::chrono::hours(1);
  std::size_t before = 0;
  for (int i = 0; i < 21'000; ++i) {
    if (i == 1'000) before = allocated_bytes();
    client_.driver().cancel(client, 1);
    ASSERT_TRUE(client_.try_call(client, 1, {}, patient).ok());
    server_.run();
    for (const RequestKey& key : server_.cancelled) server_.driver().reply(key, {});
    server_.cancelled.clear();
    server_.requests.clear();
    client_.run();
  }
  EXPECT_EQ(client_.driver().client_status(client).queued_calls, 0U);
  EXPECT_LT(allocated_bytes(), before + 256 * 1024);
}

TEST_F(DriverLoad, AfterACallGaveUpOnAFullRingTheLoopSleeps) {
  const std::string address = "shm://" + (directory_ / "calc");
  server_.serve(address);
  server_.handle = Endpoint::keep;
  ConnectOptions options;
  options.addresses = {address};
  const ClientId client = client_.connect(options);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReady); }));
  std::vector<std::uint64_t> tokens;
  for (int i = 0; i < 100; ++i) tokens.push_back(client_.call(client, as_text(pattern(8000, 1))));
  for (const std::uint64_t token : tokens) client_.driver().cancel(client, token);
  run_idle({&server_, &client_});  // returns, unless somebody spins on space that nobody wants
  EXPECT_EQ(client_.driver().client_status(client).queued_calls, 0U);
}

}  // namespace
}  // namespace ipcbridge
