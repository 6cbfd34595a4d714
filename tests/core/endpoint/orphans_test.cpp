#include "core/endpoint/orphans.hpp"

#include <atomic>
#include <future>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <ipcbridge/ipcbridge.hpp>

#include "tests/core/support/endpoint.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::run_until;
using testing_support::TemporaryDirectory;

TEST(Orphans, AreAsManyAsTheLimitSays) {
  Orphans orphans(2, 1000);
  EXPECT_TRUE(orphans.adopt({1, 1}, 10));
  EXPECT_TRUE(orphans.adopt({2, 1}, 10)) << "the same id of another connection is another request";
  EXPECT_FALSE(orphans.adopt({3, 1}, 10));
}

TEST(Orphans, HaveAsManyBytesAsTheLimitSays) {
  Orphans orphans(100, 1000);
  EXPECT_FALSE(orphans.adopt({1, 1}, 1001));
  EXPECT_TRUE(orphans.adopt({1, 2}, 600));
  EXPECT_FALSE(orphans.adopt({1, 3}, 401));
  EXPECT_TRUE(orphans.adopt({1, 4}, 400));
}

TEST(Orphans, MakeRoomWhenTheyHaveBeenAnswered) {
  Orphans orphans(2, 1000);
  ASSERT_TRUE(orphans.adopt({1, 1}, 500));
  ASSERT_TRUE(orphans.adopt({1, 2}, 500));
  orphans.forget({1, 1});
  orphans.forget({1, 1});
  orphans.forget({9, 9});
  EXPECT_FALSE(orphans.adopt({1, 3}, 501)) << "only once, and only what was kept";
  EXPECT_TRUE(orphans.adopt({1, 3}, 500));
  EXPECT_FALSE(orphans.adopt({1, 4}, 0));
}

// A service that answers nothing by itself and may have two requests of a connection unanswered.
class OrphansOfAServer : public testing::Test {
 protected:
  OrphansOfAServer() {
    ServeOptions options;
    options.address = address_;
    options.methods = {"echo"};
    options.limits.max_pending_calls = 2;
    service_ = server_.serve(options);
    server_.handle = Endpoint::keep;
  }
  // Two notifications of a client that closes when they have been read.
  void notify_and_close() {
    const std::size_t before = server_.requests.size();
    const ClientId client = client_.connect(address_);
    CallOptions options;
    options.notify = true;
    for (int i = 0; i < 2; ++i) client_.call(client, "x", options);
    ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.requests.size() == before + 2; }));
    client_.driver().close_client(client);
    ASSERT_TRUE(
        run_until({&server_, &client_}, [&] { return server_.driver().server_status(service_).connections == 0; }));
    server_.run();  // what the end of the connection has brought about
  }

  TemporaryDirectory directory_;
  std::string address_ = "unix://" + (directory_ / "calc");
  Endpoint server_;
  Endpoint client_;
  ServerId service_ = 0;
};

TEST_F(OrphansOfAServer, AreCancelledBeyondTheLimitAndKeptAgainOnceSomeHaveBeenAnswered) {
  notify_and_close();
  EXPECT_TRUE(server_.cancelled.empty()) << "as many as one connection may have unanswered are kept";
  notify_and_close();
  EXPECT_EQ(server_.cancelled.size(), 2U) << "the limit is of all that are kept";
  server_.driver().reply(server_.requests[0].key, {});
  server_.driver().reply_error(server_.requests[1].key, Code::kUnknown, "it failed", {});
  notify_and_close();
  EXPECT_EQ(server_.cancelled.size(), 2U) << "what was answered makes room";
}

TEST_F(OrphansOfAServer, AreWaitedForByAServerThatCloses) {
  notify_and_close();
  server_.driver().close_server(service_, std::chrono::seconds(10));
  server_.driver().reply(server_.requests[0].key, {});
  server_.run();
  EXPECT_EQ(server_.driver().server_status(service_).state, ServerState::kClosing);
  server_.driver().reply(server_.requests[1].key, {});
  server_.run();
  EXPECT_EQ(server_.driver().server_status(service_).state, ServerState::kClosed);
  EXPECT_TRUE(server_.cancelled.empty());
}

TEST_F(OrphansOfAServer, AreCancelledWhenTheServersGraceIsOver) {
  notify_and_close();
  server_.driver().close_server(service_, std::chrono::milliseconds(1));
  EXPECT_TRUE(run_until({&server_, &client_},
                        [&] { return server_.driver().server_status(service_).state == ServerState::kClosed; }));
  server_.run();
  EXPECT_EQ(server_.cancelled.size(), 2U);
}

TEST_F(OrphansOfAServer, AreNotMadeOfWhatTheEndOfTheGraceFinds) {
  const ClientId client = client_.connect(address_);
  CallOptions options;
  options.notify = true;
  client_.call(client, "x", options);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.requests.size() == 1; }));
  server_.driver().close_server(service_, std::chrono::milliseconds(1));
  EXPECT_TRUE(run_until({&server_, &client_}, [&] {
    return server_.driver().server_status(service_).state == ServerState::kClosed && server_.cancelled.size() == 1;
  }));
}

TEST(OrphansOfAService, RunAlthoughTheirSenderHasClosed) {
  constexpr int kCount = 20;
  const TemporaryDirectory directory;
  const std::string address = "shm://" + (directory / "calc");
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<int> run{0};
  Bridge bridge;
  Bridge other;
  const Service service = bridge.serve(address,
                                       {{"note",
                                         [&](const IncomingCall& call) -> Bytes {
                                           if (run++ == 0) {
                                             begun.set_value();
                                             go_on.get_future().get();
                                           }
                                           EXPECT_FALSE(call.cancelled());
                                           return {};
                                         }}},
                                       {.threads = 1});
  Remote remote = other.connect(address);
  for (int i = 0; i < kCount; ++i) remote.notify("note", {});
  begun.get_future().get();
  while (service.status().queued_calls < kCount - 1) std::this_thread::yield();
  remote.close();
  while (service.status().connections > 0) std::this_thread::yield();
  go_on.set_value();
  other.connect(address).call("note", {});  // behind them
  EXPECT_EQ(run, kCount + 1);
}

}  // namespace
}  // namespace ipcbridge
