// Every allocation of a thread that waits for its answer fails once: the call ends, with an answer or with
// resource_exhausted, and the next one is answered.
#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/reactor/poller.hpp"
#include "core/workers/loop_worker.hpp"
#include "tests/core/support/failing_memory.hpp"
#include "tests/core/workers/blocking_driver_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::BlockingDriverTest;
using testing_support::echo;
using testing_support::FailingMemory;
using testing_support::Service;
using testing_support::text_of;
using testing_support::within_seconds;

class WaitingCallerTest : public BlockingDriverTest {
 protected:
  // How the call ended of whose allocations `count` failed after the first `spared`; whether there was one.
  bool fail(ClientId client, std::size_t spared, std::size_t count, std::string_view payload, Code& ended) {
    const std::uint32_t method = client_->driver().intern_method(client, "echo");
    const FailingMemory memory(spared, count);
    {
      const FailingMemory::Armed armed;
      ended = client_->call(client, method, within_seconds(20), {}, as_bytes(payload), {}).outcome.code;
    }
    return FailingMemory::has_failed();
  }
};

TEST_F(WaitingCallerTest, EndsWhicheverAllocationsFail) {
  constexpr std::array<std::size_t, 2> kOneOrAll{1, 1000};
  const Service service(*server_, address_, 1, echo);
  const ClientId client = connect(*client_);
  ASSERT_EQ(call(client, "x", within_seconds(20)).outcome.code, Code::kOk);
  for (const std::size_t count : kOneOrAll) {
    for (const std::string& payload : {std::string("short"), std::string(100'000, 'x')}) {
      Code ended = Code::kOk;
      std::size_t spared = 0;
      while (fail(client, spared, count, payload, ended)) {
        EXPECT_TRUE(ended == Code::kOk || ended == Code::kResourceExhausted) << code_name(ended) << " after " << spared;
        ASSERT_EQ(text_of(call(client, "next", within_seconds(20)).outcome.payload), "next") << spared;
        ++spared;
      }
      EXPECT_EQ(ended, Code::kOk);
    }
  }
}

TEST_F(WaitingCallerTest, EndsWhereItWaitsForRoomAsWell) {
  Limits one_at_a_time;
  one_at_a_time.max_pending_calls = 1;
  testing_support::Gate gate;
  Service service(
      *server_, address_, 1,
      [&gate](BlockingDriver& driver, const InboundCall& inbound) {
        gate.wait();
        echo(driver, inbound);
      },
      one_at_a_time);
  ConnectOptions options;
  options.addresses = {address_};
  options.max_queued_bytes = 10'000;
  const ClientId client = client_->driver().connect(options).value();
  const std::string payload(6000, 'x');
  std::thread first([&] { EXPECT_EQ(call(client, payload, {}).outcome.code, Code::kOk); });
  service.entered.wait_for(1);
  std::thread queued([&] { EXPECT_EQ(call(client, payload, {}).outcome.code, Code::kOk); });
  wait_for_queued(client, 1);
  const std::uint32_t method = client_->driver().intern_method(client, "echo");
  CallOptions soon;
  soon.timeout = std::chrono::milliseconds(1);
  for (std::size_t spared = 0;; ++spared) {
    const FailingMemory memory(spared, 1);
    Code ended = Code::kOk;
    {
      const FailingMemory::Armed armed;
      ended = client_->call(client, method, soon, {}, as_bytes(payload), {}).outcome.code;
    }
    EXPECT_TRUE(ended == Code::kDeadlineExceeded || ended == Code::kResourceExhausted) << code_name(ended);
    if (!FailingMemory::has_failed()) break;
  }
  gate.open();
  first.join();
  queued.join();
}

// A worker reads, and lacks memory, while several call at once: what finds no place in the queue is answered.
TEST_F(WaitingCallerTest, EndsWhereTheServicesWorkerLacksMemory) {
  constexpr int kCallers = 4;
  const Service service(*server_, address_, 0, echo);
  const ClientId client = connect(*client_);
  // The end of the handshake is not what is to fail.
  while (server_->driver().peers(service.id()).empty()) std::this_thread::yield();
  std::uint32_t epoch = 0;
  bool has_failed = true;
  for (std::size_t spared = 0; has_failed; ++spared) {
    Worker worker(*server_, service.id(), epoch);
    std::atomic<int> refused{0};
    std::thread calling([&] {
      std::vector<std::thread> callers;
      for (int i = 0; i < kCallers; ++i) {
        callers.emplace_back([&] {
          const Code code = call(client, "x", within_seconds(20)).outcome.code;
          EXPECT_TRUE(code == Code::kOk || code == Code::kResourceExhausted) << code_name(code);
          if (code != Code::kOk) ++refused;
        });
      }
      for (std::thread& caller : callers) caller.join();
      epoch = server_->dismiss_workers(service.id());
    });
    const FailingMemory memory(spared, 1);
    const auto next = [&worker](InboundCall& inbound) {
      const FailingMemory::Armed armed;
      return worker.next(inbound);
    };
    for (InboundCall inbound; next(inbound);) echo(*server_, inbound);
    calling.join();
    has_failed = FailingMemory::has_failed();
    EXPECT_LE(refused, has_failed ? 1 : 0) << spared;
    EXPECT_EQ(server_->load(service.id()).queued, 0U);
  }
}

// Calls wait for an event loop when it goes: threads run them, or their callers are told.
TEST_F(WaitingCallerTest, EndsWhereTheEventLoopThatGoesLacksMemory) {
  constexpr std::array<std::size_t, 2> kOneOrAll{1, 1000};
  constexpr std::uint64_t kCallers = 4;
  const Service service(*server_, address_, 1, echo);
  const ClientId client = connect(*client_);
  const Poller selector = std::move(Poller::create(System::real())).value();
  for (const std::size_t count : kOneOrAll) {
    bool has_failed = true;
    for (std::size_t spared = 0; has_failed; ++spared) {
      server_->set_loop_methods(service.id(), {false, true});
      std::unique_ptr<LoopWorker> loop = std::move(LoopWorker::create(*server_, System::real(), selector.fd())).value();
      std::atomic<std::size_t> refused{0};
      std::vector<std::thread> callers;
      for (std::uint64_t i = 0; i < kCallers; ++i) {
        callers.emplace_back([&] {
          const Code code = call(client, "x", within_seconds(20), "slow").outcome.code;
          EXPECT_TRUE(code == Code::kOk || code == Code::kResourceExhausted) << code_name(code);
          if (code != Code::kOk) ++refused;
        });
      }
      while (server_->driver().server_status(service.id()).running_calls != kCallers) std::this_thread::yield();
      const FailingMemory memory(spared, count);
      {
        const FailingMemory::Armed armed;
        loop.reset();
      }
      has_failed = FailingMemory::has_failed();
      for (std::thread& caller : callers) caller.join();
      EXPECT_LE(refused, has_failed ? count : 0) << spared;
    }
  }
}

}  // namespace
}  // namespace ipcbridge
