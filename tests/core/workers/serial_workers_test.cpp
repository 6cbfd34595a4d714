// Workers of a server with serial methods.
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/workers/blocking_driver_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::BlockingDriverTest;
using testing_support::Counter;
using testing_support::echo;
using testing_support::Gate;
using testing_support::Service;
using testing_support::within_seconds;

constexpr std::uint32_t kSerial = 0;  // "echo"; "slow" is in no group

class SerialWorkers : public BlockingDriverTest {
 protected:
  Service serve(int threads, Service::Handler handler) {
    return {*server_, address_, threads, std::move(handler), {}, {1}};
  }
  void notify(ClientId client, int count, const std::string& method = "echo") {
    CallOptions options;
    options.notify = true;
    for (int i = 0; i < count; ++i) EXPECT_FALSE(call(client, std::to_string(i), options, method).dropped);
  }
};

TEST_F(SerialWorkers, RunOneCallAtATimeInTheOrderOfTheCalls) {
  constexpr int kCount = 2000;
  std::atomic<int> running{0};
  std::vector<std::string> order;
  Service service = serve(8, [&](BlockingDriver& driver, const InboundCall& inbound) {
    EXPECT_EQ(++running, 1);
    order.emplace_back(as_text(inbound.payload));
    --running;
    echo(driver, inbound);
  });
  notify(connect(*client_), kCount);
  service.served.wait_for(kCount);
  for (int i = 0; i < kCount; ++i) ASSERT_EQ(order[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST_F(SerialWorkers, AnswerCallersOfManyThreads) {
  std::atomic<int> running{0};
  Service service = serve(4, [&](BlockingDriver& driver, const InboundCall& inbound) {
    EXPECT_EQ(++running, 1);
    --running;
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  std::vector<std::thread> callers;
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&] {
      for (int at = 0; at < 200; ++at) EXPECT_EQ(call(client, "x", within_seconds(60)).outcome.code, Code::kOk);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_F(SerialWorkers, RunOtherCallsMeanwhile) {
  Gate release;
  Service service = serve(2, [&](BlockingDriver& driver, const InboundCall& inbound) {
    if (inbound.method == kSerial) release.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  notify(client, 20);
  EXPECT_EQ(call(client, "x", within_seconds(60), "slow").outcome.code, Code::kOk);
  release.open();
  service.served.wait_for(21);
}

TEST_F(SerialWorkers, GoOnWhenAThreadThatIsNoneOfThemAnswers) {
  constexpr int kCount = 100;
  std::mutex mutex;
  std::vector<RequestKey> keys;
  Counter given;
  Service service = serve(2, [&](BlockingDriver&, const InboundCall& inbound) {
    const std::lock_guard lock(mutex);
    keys.push_back(inbound.key);
    given.add();
  });
  notify(connect(*client_), kCount);
  std::thread answerer([&] {
    for (int i = 1; i <= kCount; ++i) {
      given.wait_for(i);
      const std::lock_guard lock(mutex);
      ASSERT_EQ(keys.size(), static_cast<std::size_t>(i)) << "only then the next may begin";
      server_->reply(keys.back(), {});
    }
  });
  answerer.join();
}

TEST_F(SerialWorkers, TakeTheNextCallWhereTheOneThatHasAnsweredDoesNotComeBack) {
  Counter begun;
  Service service = serve(2, [&](BlockingDriver& driver, const InboundCall& inbound) {
    const bool is_first = as_text(inbound.payload) == "0";
    begun.add();
    echo(driver, inbound);
    if (is_first) begun.wait_for(2);
  });
  notify(connect(*client_), 2);
  service.served.wait_for(2);
}

TEST_F(SerialWorkers, GoOnBehindACallThatWasGivenUpWhileNoneOfThemWasIdle) {
  Gate release;
  std::vector<std::string> order;
  Service service = serve(1, [&](BlockingDriver& driver, const InboundCall& inbound) {
    if (inbound.method != kSerial) release.wait();
    order.emplace_back(as_text(inbound.payload));
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  notify(client, 1, "slow");
  service.entered.wait_for(1);
  CallOptions options;
  options.timeout = std::chrono::milliseconds(20);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(call(client, "late", options).outcome.code, Code::kDeadlineExceeded);
  }
  notify(client, 1, "slow");
  // Whoever has read this has read before that the others were given up.
  while (server_->load(service.id()).queued != 1) std::this_thread::yield();
  std::thread opener([&] {
    while (server_->driver().server_status(service.id()).running_calls != 3) std::this_thread::yield();
    release.open();
  });
  EXPECT_EQ(call(client, "next", within_seconds(60)).outcome.code, Code::kOk);
  opener.join();
  service.served.wait_for(3);
  EXPECT_EQ(order, (std::vector<std::string>{"0", "0", "next"}));
}

}  // namespace
}  // namespace ipcbridge
