// Calls that are sent without a thread that waits for them.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/workers/blocking_driver.hpp"
#include "tests/core/workers/blocking_driver_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::BlockingDriverTest;
using testing_support::echo;
using testing_support::Gate;
using testing_support::Service;
using testing_support::text_of;
using testing_support::within_seconds;

class SubmitTest : public BlockingDriverTest {
 protected:
  void submit(SubmittedCall& call, ClientId client, std::string_view payload, const CallOptions& options = {},
              const std::string& name = "echo") {
    const std::uint32_t method = client_->driver().intern_method(client, name);
    const Status sent = client_->submit(call, client, method, options, {}, as_bytes(payload), {});
    ASSERT_TRUE(sent.ok()) << sent.error().message;
  }

  // Takes answers until that one is among them.
  void wait_for(const SubmittedCall& call) {
    while (!client_->is_taken(call)) {
      ASSERT_TRUE(client_->wait_answered(call, Clock::now() + std::chrono::seconds(20), {}));
      client_->take_answered();
    }
  }
};

TEST_F(SubmitTest, ManyCallsAreInFlightAndEachGetsItsAnswer) {
  const Service service(*server_, address_, 2, echo);
  const ClientId client = connect(*client_);
  std::vector<SubmittedCall> calls(500);
  for (std::size_t i = 0; i < calls.size(); ++i) submit(calls[i], client, std::to_string(i));
  for (std::size_t i = 0; i < calls.size(); ++i) {
    wait_for(calls[i]);
    EXPECT_EQ(text_of(calls[i].result.outcome.payload), std::to_string(i));
  }
  EXPECT_EQ(client_->take_answered(), nullptr);
}

TEST_F(SubmitTest, TheCollectorTakesWhatNobodyWaitsFor) {
  const Service service(*server_, address_, 2, echo);
  const ClientId client = connect(*client_);
  std::vector<SubmittedCall> calls(200);
  std::atomic<std::size_t> collected{0};
  std::thread collector([&] {
    while (client_->wait_unattended()) {
      while (client_->take_answered() != nullptr) ++collected;
    }
  });
  for (SubmittedCall& call : calls) submit(call, client, "x");
  while (collected.load() != calls.size()) std::this_thread::yield();
  client_->stop_collecting();
  collector.join();
}

TEST_F(SubmitTest, ThreadsAndTheCollectorShareTheAnswers) {
  const Service service(*server_, address_, 2, echo);
  const ClientId client = connect(*client_);
  std::atomic<int> taken{0};
  const auto take_all = [&] {
    while (client_->take_answered() != nullptr) ++taken;
  };
  std::thread collector([&] {
    while (client_->wait_unattended()) take_all();
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        std::vector<SubmittedCall> calls(8);
        for (SubmittedCall& call : calls) submit(call, client, "x");
        for (const SubmittedCall& call : calls) {
          while (!client_->is_taken(call)) {
            ASSERT_TRUE(client_->wait_answered(call, Clock::now() + std::chrono::seconds(20), {}));
            take_all();
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  client_->stop_collecting();
  collector.join();
  EXPECT_EQ(taken.load(), 4 * 50 * 8);
}

TEST_F(SubmitTest, AWaitEndsAtItsDeadlineAndTheCallGoesOn) {
  Gate gate;
  const Service service(*server_, address_, 1, [&](BlockingDriver& driver, const InboundCall& inbound) {
    gate.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  SubmittedCall call;
  submit(call, client, "late");
  EXPECT_FALSE(client_->wait_answered(call, Clock::now() + std::chrono::milliseconds(20), {}));
  EXPECT_FALSE(client_->wait_answered(call, kNever, [] { return true; }));
  gate.open();
  wait_for(call);
  EXPECT_EQ(text_of(call.result.outcome.payload), "late");
}

TEST_F(SubmitTest, ACancelledCallIsForgotten) {
  Gate gate;
  const Service service(*server_, address_, 1, [&](BlockingDriver& driver, const InboundCall& inbound) {
    gate.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  SubmittedCall first;
  SubmittedCall second;
  submit(first, client, "1");
  submit(second, client, "2");
  EXPECT_TRUE(client_->cancel(first));
  EXPECT_FALSE(client_->cancel(first));
  EXPECT_TRUE(client_->is_taken(first));
  gate.open();
  wait_for(second);
  EXPECT_FALSE(client_->cancel(second));
  EXPECT_EQ(client_->driver().client_status(client).pending_calls, 0U);
}

TEST_F(SubmitTest, ACallThatIsAnsweredAndNotTakenCanBeCancelled) {
  const Service service(*server_, address_, 1, echo);
  const ClientId client = connect(*client_);
  SubmittedCall call;
  submit(call, client, "x");
  while (client_->driver().client_status(client).pending_calls != 0) std::this_thread::yield();
  EXPECT_TRUE(client_->cancel(call));
  EXPECT_EQ(client_->take_answered(), nullptr);
}

TEST_F(SubmitTest, ItsTimeoutHoldsThoughNobodyWaits) {
  Gate gate;
  const Service service(*server_, address_, 1, [&](BlockingDriver& driver, const InboundCall& inbound) {
    gate.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  SubmittedCall call;
  CallOptions options;
  options.timeout = std::chrono::milliseconds(20);
  submit(call, client, "x", options);
  std::thread collector([&] {
    ASSERT_TRUE(client_->wait_unattended());
    EXPECT_EQ(client_->take_answered(), &call);
  });
  collector.join();
  EXPECT_EQ(call.result.outcome.code, Code::kDeadlineExceeded);
  gate.open();
}

}  // namespace
}  // namespace ipcbridge
