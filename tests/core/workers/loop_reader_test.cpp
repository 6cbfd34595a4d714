#include "core/workers/loop_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/workers/loop_reader_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::run_idle;

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
