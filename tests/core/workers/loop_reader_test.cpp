#include "core/workers/loop_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/endpoint.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::run_idle;
using testing_support::text_of;

// A server whose method "plain" is for a pool, and "async" for its loop.
class LoopReaderTest : public testing::Test {
 protected:
  LoopReaderTest() {
    batch_.use(table_, slab_);
    ServeOptions options;
    options.address = address_;
    options.methods = {"plain", "async"};
    const ServerId server = driver_->serve(options).value();
    reader_.add_pool(server, {true, false}, pool_);
    client_ = connect(clients_);
  }

  ClientId connect(Endpoint& endpoint) {
    const ClientId client = endpoint.connect(address_);
    while (!endpoint.is(client, ClientState::kReady)) {
      run();
      endpoint.run();
    }
    return client;
  }
  // Reads until there is nothing more.
  void run() {
    while (reader_.run(*driver_)) {
    }
  }
  std::uint64_t call(const std::string& method, std::string_view payload) {
    const std::uint64_t token = clients_.call(client_, payload, {}, method);
    run_idle({&clients_});
    return token;
  }
  std::string take() {
    InboundCall call;
    return reader_.take(call) ? text_of(call.payload) : "nothing";
  }
  std::string take_from_pool() {
    InboundCall call;
    return pool_->take_back(call) ? text_of(call.payload) : "nothing";
  }

  testing_support::TemporaryDirectory directory_;
  std::string address_ = "shm://" + (directory_ / "calc");
  std::unique_ptr<Driver> driver_ = std::move(Driver::create({})).value();
  std::vector<std::uint32_t> table_ = std::vector<std::uint32_t>(1024 * EventRow::kWords);
  Buffer slab_ = Buffer(4 * EventBatch::kMinSlabBytes);
  EventBatch batch_;
  LoopReader reader_{batch_};
  std::shared_ptr<HandlerPool> pool_ = std::make_shared<HandlerPool>(1);
  Endpoint clients_;
  ClientId client_ = 0;
};

TEST_F(LoopReaderTest, LeavesPlainCallsToThePoolAndOthersToTheLoop) {
  call("plain", "p");
  call("async", "a");
  run();
  EXPECT_EQ(take_from_pool(), "p");
  EXPECT_EQ(take_from_pool(), "nothing");
  EXPECT_TRUE(reader_.has_calls());
  EXPECT_EQ(take(), "a");
  EXPECT_FALSE(reader_.has_calls());
}

TEST_F(LoopReaderTest, DoesNotLetTheLoopSleepWhileCallsForItWait) {
  call("async", "a");
  run();
  EXPECT_TRUE(reader_.spin(*driver_, [] { return true; }));
  EXPECT_FALSE(reader_.prepare_sleep(*driver_));
  EXPECT_EQ(take(), "a");
  EXPECT_TRUE(reader_.prepare_sleep(*driver_));
}

TEST_F(LoopReaderTest, TellsWhetherItHasReadCalls) {
  call("plain", "p");
  while (!reader_.has_read_calls()) reader_.run(*driver_);
  EXPECT_EQ(take_from_pool(), "p");
  reader_.run(*driver_);
  EXPECT_FALSE(reader_.has_read_calls());
}

TEST_F(LoopReaderTest, AnswersACallThatIsCancelledWhileItWaits) {
  for (const std::string method : {"plain", "async"}) {
    const std::uint64_t token = call(method, "given up");
    call(method, "kept");
    run();
    clients_.driver().cancel(client_, token);
    run_idle({&clients_});
    run();
    EXPECT_EQ(method == "plain" ? take_from_pool() : take(), "kept");
    EXPECT_EQ(method == "plain" ? take_from_pool() : take(), "nothing");
  }
  EXPECT_EQ(driver_->server_status(1).running_calls, 2U) << "the others are answered";
}

TEST_F(LoopReaderTest, TellsTheLoopOfACancelledCallThatRuns) {
  for (const std::string method : {"plain", "async"}) {
    const std::uint64_t token = call(method, "p");
    run();
    EXPECT_EQ(method == "plain" ? take_from_pool() : take(), "p");
    clients_.driver().cancel(client_, token);
    run_idle({&clients_});
    do {
      reader_.run(*driver_);
    } while (batch_.empty());
    ASSERT_EQ(batch_.size(), 1U);
    EXPECT_EQ(batch_.row(0).words[EventRow::kKind], static_cast<std::uint32_t>(EventKind::kCancel));
  }
}

TEST_F(LoopReaderTest, ReadsABoundedNumberInARun) {
  constexpr std::size_t kCalls = 600;
  for (std::size_t i = 0; i < kCalls; ++i) clients_.call(client_, "p", {}, i % 2 == 0 ? "plain" : "async");
  run_idle({&clients_});
  std::size_t most = 0;
  for (std::size_t read = 0; read < kCalls;) {
    reader_.run(*driver_);
    clients_.run();
    std::size_t now = 0;
    while (take() == "p") ++now;
    while (take_from_pool() == "p") ++now;
    most = std::max(most, now);
    read += now;
  }
  EXPECT_LE(most, 256U);
}

TEST_F(LoopReaderTest, GivesConnectionsThatHaveEndedOneTurnTogether) {
  CallOptions notification;
  notification.notify = true;
  for (int i = 0; i < 5; ++i) {
    Endpoint brief;
    const ClientId client = connect(brief);
    for (const std::string method : {"plain", "async", "plain", "async"})
      brief.call(client, "gone", notification, method);
    brief.run();
    brief.driver().close_client(client);
    run_idle({&brief});
    run();
  }
  call("plain", "here");
  call("async", "here");
  run();
  EXPECT_EQ(take_from_pool(), "gone");
  EXPECT_EQ(take_from_pool(), "here");
  EXPECT_EQ(take(), "gone");
  EXPECT_EQ(take(), "here");
}

}  // namespace
}  // namespace ipcbridge
