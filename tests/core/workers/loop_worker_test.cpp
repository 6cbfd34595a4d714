// The thread of an event loop as a worker. Here the loop is a poller and nothing more.
#include "core/workers/loop_worker.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "core/reactor/poller.hpp"
#include "core/workers/selector.hpp"
#include "tests/core/workers/blocking_driver_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::BlockingDriverTest;
using testing_support::Counter;
using testing_support::echo;
using testing_support::Gate;
using testing_support::Service;
using testing_support::text_of;
using testing_support::within_seconds;

// Runs what is for the loop on a thread of its own until it ends: "slow" by default, "echo" is for threads.
class Loop {
 public:
  Loop(
      BlockingDriver& driver, ServerId server, Service::Handler handler, std::function<void()> on_other = [] {})
      : driver_(driver), handler_(std::move(handler)), on_other_(std::move(on_other)) {
    driver_.set_loop_methods(server, {false, true});
    thread_ = std::thread([this] { run(); });
    entered_.wait();
  }
  ~Loop() {
    stopping_ = true;
    other_.ring();
    thread_.join();
  }
  const Bell& other() const { return other_; }
  Counter others;

 private:
  void run() {
    const Poller selector = std::move(Poller::create(System::real())).value();
    EXPECT_TRUE(set_watched(selector.fd(), other_.fd(), true));
    const std::unique_ptr<LoopWorker> worker =
        std::move(LoopWorker::create(driver_, System::real(), selector.fd())).value();
    entered_.open();
    while (!stopping_) {
      const LoopWorker::Ready ready = worker->wait(kNever);
      if (ready == LoopWorker::Ready::kOther) {
        other_.silence();
        others.add();
        on_other_();
      }
      for (InboundCall call; worker->take(call);) handler_(driver_, call);
    }
  }

  BlockingDriver& driver_;
  Service::Handler handler_;
  std::function<void()> on_other_;
  Bell other_ = std::move(Bell::create(System::real())).value();
  Gate entered_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

class LoopWorkerTest : public BlockingDriverTest {};

TEST_F(LoopWorkerTest, RunsItsCallsAndThreadsRunTheOthers) {
  std::atomic<int> by_threads{0};
  std::atomic<int> by_loop{0};
  const Service service(*server_, address_, 2, [&](BlockingDriver& driver, const InboundCall& inbound) {
    ++by_threads;
    echo(driver, inbound);
  });
  const Loop loop(*server_, service.id(), [&](BlockingDriver& driver, const InboundCall& inbound) {
    ++by_loop;
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  // Runs of one kind, and both by turns.
  for (int i = 0; i < 600; ++i) {
    const bool for_loop = i < 200 || (i >= 400 && i % 2 == 0);
    const CallResult result = call(client, std::to_string(i), within_seconds(10), for_loop ? "slow" : "echo");
    ASSERT_EQ(text_of(result.outcome.payload), std::to_string(i));
  }
  EXPECT_EQ(by_threads, 300);
  EXPECT_EQ(by_loop, 300);
}

TEST_F(LoopWorkerTest, WakesForWhatElseItsLoopWatches) {
  const Service service(*server_, address_, 1, echo);
  Loop loop(*server_, service.id(), echo);
  const ClientId client = connect(*client_);
  for (int i = 1; i <= 100; ++i) {
    loop.other().ring();
    loop.others.wait_for(i);
    ASSERT_EQ(call(client, "x", within_seconds(10), "slow").outcome.code, Code::kOk);
  }
}

TEST_F(LoopWorkerTest, ThreadsAreServedWhileTheLoopIsKeptFromComingBack) {
  Gate gate;
  Counter entered;
  const Service service(*server_, address_, 2, echo);
  const Loop loop(*server_, service.id(), [&](BlockingDriver& driver, const InboundCall& inbound) {
    entered.add();
    gate.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  std::thread slow([&] { EXPECT_EQ(call(client, "s", {}, "slow").outcome.code, Code::kOk); });
  entered.wait_for(1);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(call(client, "f", within_seconds(10)).outcome.code, Code::kOk);
  gate.open();
  slow.join();
}

// Of two services on one loop it is that whose handler it is, and not the other.
TEST_F(LoopWorkerTest, TheCallersOfTheServiceAreToldInWhichMethodTheLoopIsBlocked) {
  Gate gate;
  const Service service(*server_, address_, 1, echo);
  const std::string other_address = "shm://" + (directory_ / "other");
  const Service other(*server_, other_address, 1, echo);
  server_->set_loop_methods(other.id(), {false, true});
  const Loop loop(*server_, service.id(), [&](BlockingDriver& driver, const InboundCall& inbound) {
    gate.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  ConnectOptions options;
  options.addresses = {other_address};
  const ClientId others_client = client_->driver().connect(options).value();
  const auto method_of = [this](ClientId of) {
    const std::optional<PeerActivity> busy = client_->driver().client_status(of).busy;
    return busy ? busy->method : "";
  };
  ASSERT_EQ(call(others_client, "x", within_seconds(10)).outcome.code, Code::kOk);
  std::thread slow([&] { EXPECT_EQ(call(client, "s", {}, "slow").outcome.code, Code::kOk); });
  const TimePoint deadline = Clock::now() + std::chrono::seconds(10);
  while (method_of(client).empty() && Clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(method_of(client), "slow");
  EXPECT_EQ(method_of(others_client), "");
  gate.open();
  slow.join();
  while (!method_of(client).empty() && Clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(method_of(client), "");
}

TEST_F(LoopWorkerTest, ThreadsAreServedThoughTheLoopHasNeverComeToWait) {
  const Service service(*server_, address_, 1, echo);
  server_->set_loop_methods(service.id(), {false, true});
  const Poller selector = std::move(Poller::create(System::real())).value();
  const std::unique_ptr<LoopWorker> worker =
      std::move(LoopWorker::create(*server_, System::real(), selector.fd())).value();
  const ClientId client = connect(*client_);
  CallOptions notify;
  notify.notify = true;
  ASSERT_EQ(call(client, "for the loop", notify, "slow").outcome.code, Code::kOk);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(call(client, "f", within_seconds(10)).outcome.code, Code::kOk);
}

TEST_F(LoopWorkerTest, ThreadsAreServedWhileWhatElseTheLoopRunsKeepsIt) {
  Gate gate;
  const Service service(*server_, address_, 2, echo);
  Loop loop(*server_, service.id(), echo, [&gate] { gate.wait(); });
  const ClientId client = connect(*client_);
  ASSERT_EQ(call(client, "x", within_seconds(10), "slow").outcome.code, Code::kOk);  // so that the loop leads
  loop.other().ring();
  loop.others.wait_for(1);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(call(client, "f", within_seconds(10)).outcome.code, Code::kOk);
  gate.open();
}

TEST_F(LoopWorkerTest, ThreadsRunWhatIsForALoopThatHasGone) {
  const Service service(*server_, address_, 1, echo);
  { const Loop loop(*server_, service.id(), echo); }
  const ClientId client = connect(*client_);
  EXPECT_EQ(call(client, "x", within_seconds(10), "slow").outcome.code, Code::kOk);
}

TEST_F(LoopWorkerTest, ACallThatIsCancelledBeforeTheLoopComesIsNeverRun) {
  Gate gate;
  Counter entered;
  std::atomic<int> ran{0};
  const Service service(*server_, address_, 1, echo);
  const Loop loop(*server_, service.id(), [&](BlockingDriver& driver, const InboundCall& inbound) {
    ++ran;
    entered.add();
    if (text_of(inbound.payload) == "first") gate.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  std::thread first([&] { EXPECT_EQ(call(client, "first", {}, "slow").outcome.code, Code::kOk); });
  entered.wait_for(1);
  CallOptions options;
  options.timeout = std::chrono::milliseconds(5);
  EXPECT_EQ(call(client, "second", options, "slow").outcome.code, Code::kDeadlineExceeded);
  while (client_->driver().client_status(client).pending_calls != 1) std::this_thread::yield();
  gate.open();
  first.join();
  EXPECT_EQ(call(client, "third", within_seconds(10), "slow").outcome.code, Code::kOk);
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace ipcbridge
