#include "core/workers/loop_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/support/failing_memory.hpp"
#include "tests/core/workers/loop_reader_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::FailingMemory;
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

// A loop that calls a service whose answers carry a stream each.
class LoopReaderAnswers : public LoopReaderTest {
 protected:
  LoopReaderAnswers() {
    service_.handle = [](Endpoint& self, const Endpoint::Asked& asked) {
      EXPECT_TRUE(self.driver().reply(asked.key, {}, nullptr, 1));
    };
    ConnectOptions options;
    options.addresses = {service_address_};
    to_service_ = driver_->connect(options).value();
    method_ = driver_->intern_method(to_service_, "echo");
  }

  // How the call has ended of whose allocations one failed, when it was read, after the first `spared`.
  Code call(std::uint64_t token, std::size_t spared, bool& has_failed) {
    EXPECT_TRUE(driver_->call(to_service_, token, method_, {}, {}, {}).ok());
    for (;;) {
      run_idle({&service_});
      const FailingMemory memory(spared, 1);
      {
        const FailingMemory::Armed armed;
        reader_.run(*driver_);
      }
      has_failed = has_failed || FailingMemory::has_failed();
      for (std::size_t i = 0; i < batch_.size(); ++i) {
        const EventRow row = batch_.row(i);
        if (row.words[EventRow::kKind] != static_cast<std::uint32_t>(EventKind::kOutcome)) continue;
        EXPECT_EQ(row.wide(EventRow::kToken), token);
        for (const auto& stream : streams_.take_arguments(row.key())) driver_->cancel_stream(stream->key());
        return static_cast<Code>(row.words[EventRow::kCode]);
      }
    }
  }

  std::string service_address_ = "shm://" + (directory_ / "service");
  Endpoint service_;
  ServerId served_ = service_.serve(service_address_);
  ClientId to_service_ = 0;
  std::uint32_t method_ = 0;
};

TEST_F(LoopReaderAnswers, EndTheirCallsAlsoWhereThereIsNoMemoryForTheirStreams) {
  bool has_failed = false;
  ASSERT_EQ(call(1, 1000, has_failed), Code::kOk);
  std::uint64_t token = 1;
  for (std::size_t spared = 0; spared == 0 || has_failed; ++spared) {
    has_failed = false;
    const Code code = call(++token, spared, has_failed);
    EXPECT_EQ(code, has_failed ? Code::kResourceExhausted : Code::kOk) << spared;
  }
  EXPECT_GT(token, 4U) << "no allocation was counted";
  run_idle({&service_});
  EXPECT_EQ(service_.cancelled_streams.size(), token) << "nobody reads the streams of those that failed";
}

}  // namespace
}  // namespace ipcbridge
