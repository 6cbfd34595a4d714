// Threads that run handlers; blocking_driver_test.cpp has those that call and wait.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/cpu.hpp"
#include "core/workers/blocking_driver.hpp"
#include "tests/core/workers/blocking_driver_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::BlockingDriverTest;
using testing_support::Counter;
using testing_support::echo;
using testing_support::Gate;
using testing_support::make_driver;
using testing_support::Service;
using testing_support::text_of;
using testing_support::within_seconds;

using WorkerTest = BlockingDriverTest;

TEST_F(WorkerTest, AStuckHandlerDoesNotHoldUpTheOthers) {
  Gate gate;
  Gate entered;
  const Service service(*server_, address_, 2, [&](BlockingDriver& driver, const InboundCall& inbound) {
    if (inbound.method == 1) {
      entered.open();
      gate.wait();
    }
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  std::thread slow([&] { EXPECT_EQ(call(client, "s", {}, "slow").outcome.code, Code::kOk); });
  entered.wait();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(call(client, "f").outcome.code, Code::kOk);
  gate.open();
  slow.join();
}

TEST_F(WorkerTest, DeadlinesPassAndBusyTellsWhenEveryWorkerIsStuck) {
  Gate gate;
  const Service service(*server_, address_, 2, [&](BlockingDriver& driver, const InboundCall& inbound) {
    gate.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  CallOptions options;
  options.timeout = std::chrono::milliseconds(20);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(call(client, "x", options, "slow").outcome.code, Code::kDeadlineExceeded);
  const WorkerLoad load = server_->load(service.id());
  EXPECT_EQ(load.workers, 2U);
  EXPECT_EQ(load.running, 2U);
  EXPECT_EQ(load.slowest_method, 1U);
  gate.open();
  EXPECT_EQ(call(client, "x").outcome.code, Code::kOk);
}

// What the client sees of the service without asking it.
TEST_F(WorkerTest, TheCallerSeesWhichHandlerIsStuckAndThatItIsNotAnyMore) {
  Gate gate;
  const Service service(*server_, address_, 2, [&](BlockingDriver& driver, const InboundCall& inbound) {
    if (inbound.method == 1) gate.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  const ClientId bystander = connect(*client_);
  ASSERT_EQ(call(bystander, "x").outcome.code, Code::kOk);
  std::thread caller([&] { EXPECT_EQ(call(client, "x", {}, "slow").outcome.code, Code::kOk); });
  const auto busy = [&](ClientId of) { return client_->driver().client_status(of).busy; };
  const auto until = [](const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::yield();
  };
  until([&] { return busy(client) && busy(bystander); });
  EXPECT_EQ(busy(client)->method, "slow");
  EXPECT_EQ(busy(bystander)->method, "slow");
  EXPECT_GT(busy(client)->time, Duration::zero());
  // Whoever comes later sees it as well.
  const ClientId latecomer = connect(*client_);
  ASSERT_EQ(call(latecomer, "x").outcome.code, Code::kOk);
  EXPECT_TRUE(busy(latecomer).has_value());
  gate.open();
  caller.join();
  until([&] { return !busy(client) && !busy(bystander) && !busy(latecomer); });
}

TEST_F(WorkerTest, NotificationsAreAllRun) {
  constexpr int kCount = 3000;
  Service service(*server_, address_, 2, echo);
  const ClientId client = connect(*client_);
  CallOptions options;
  options.notify = true;
  for (int i = 0; i < kCount; ++i) EXPECT_EQ(call(client, "x", options).outcome.code, Code::kOk);
  service.served.wait_for(kCount);
}

TEST_F(WorkerTest, OtherWorkersServeWhileAHandlerOfThoseThatWereDismissedStillRuns) {
  Gate gate;
  Counter entered;
  Service first(*server_, address_, 3, [&](BlockingDriver& driver, const InboundCall& inbound) {
    entered.add();
    gate.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  std::thread early([&] { EXPECT_EQ(text_of(call(client, "early").outcome.payload), "early"); });
  entered.wait_for(1);
  Worker worker(*server_, first.id(), server_->dismiss_workers(first.id()));
  InboundCall inbound;
  std::thread later([&] {
    EXPECT_EQ(text_of(call(client, "later").outcome.payload), "later");
    EXPECT_EQ(text_of(call(client, "and later").outcome.payload), "and later");
  });
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(worker.next(inbound)) << i;
    echo(*server_, inbound);
  }
  later.join();
  gate.open();
  early.join();
  first.stop();
  EXPECT_FALSE(worker.next(inbound));
}

TEST_F(WorkerTest, ARequestIsTakenByWhoeverIsFirstWhileTheWorkerThatItWokeIsKeptFromComing) {
  const Service service(*server_, address_, 0, echo);
  const ClientId client = connect(*client_);
  Worker first(*server_, service.id());
  InboundCall inbound;
  std::thread early([&] { EXPECT_EQ(text_of(call(client, "early").outcome.payload), "early"); });
  ASSERT_TRUE(first.next(inbound));
  std::thread late([&] { EXPECT_EQ(text_of(call(client, "late").outcome.payload), "late"); });
  Worker second(*server_, service.id());
  ASSERT_TRUE(second.wait());
  echo(*server_, inbound);
  EXPECT_TRUE(first.take(inbound));
  InboundCall none;
  EXPECT_FALSE(second.take(none)) << "it has been taken";
  echo(*server_, inbound);
  early.join();
  late.join();
}

// Whoever reads calls nobody for a server of which a worker has just begun, because that worker will soon be back.
TEST_F(WorkerTest, AWorkerThatLeavesInsteadOfComingBackWakesTheLeaderForWhatWaits) {
  const Service service(*server_, address_, 0, echo);
  const ClientId client = connect(*client_);
  for (int round = 0; round < 20; ++round) {
    std::optional<Worker> leaving(std::in_place, *server_, service.id());
    InboundCall inbound;
    std::thread first([&] { EXPECT_EQ(text_of(call(client, "first").outcome.payload), "first"); });
    ASSERT_TRUE(leaving->next(inbound));
    Counter led;
    std::thread leader([&] {
      Worker worker(*server_, service.id());
      led.add();
      InboundCall call;
      ASSERT_TRUE(worker.next(call));
      EXPECT_EQ(text_of(call.payload), "second");
      echo(*server_, call);
    });
    led.wait_for(1);
    std::thread second([&] { EXPECT_EQ(text_of(call(client, "second").outcome.payload), "second"); });
    // This thread reads while it waits: not for so long that the watchdog would see to what waits.
    const auto queued = [&] { return server_->load(service.id()).queued == 1; };
    server_->wait_until(queued, Clock::now() + std::chrono::milliseconds(1), {});
    leaving.reset();
    leader.join();
    second.join();
    echo(*server_, inbound);
    first.join();
  }
}

// A caller keeps the reading; a worker that is back from a slow handler takes the call for which the leader was woken.
TEST_F(WorkerTest, ALeaderThatComesTooLateForACallIsWokenForTheNext) {
  const Service service(*server_, address_, 0, echo);
  const ClientId client = connect(*client_);
  CallOptions notify;
  notify.notify = true;
  const auto send = [&] { ASSERT_EQ(call(client, "x", notify, "slow").outcome.code, Code::kOk); };
  InboundCall inbound;
  Worker busy(*server_, service.id());
  send();
  ASSERT_TRUE(busy.next(inbound));
  std::atomic<bool> over{false};
  std::thread reader([&] { server_->wait_until([] { return false; }, kNever, [&] { return over.load(); }); });
  std::atomic<int> led{0};
  std::thread leader([&] {
    Worker worker(*server_, service.id());
    for (InboundCall own; worker.next(own);) ++led;
  });
  const TimePoint patience = Clock::now() + std::chrono::seconds(20);
  const auto in_time = [&] { return Clock::now() < patience; };
  int rounds = 0;
  for (bool is_busy = true; rounds < 20 && in_time();) {
    // Seen by more than one look of the watchdog: nobody expects it back soon.
    while (is_busy && in_time() && server_->load(service.id()).slowest < std::chrono::milliseconds(10)) cpu_relax();
    const int before = led;
    send();
    while (server_->load(service.id()).queued == 0 && led == before && in_time()) cpu_relax();
    is_busy = busy.take(inbound);
    if (!is_busy) continue;
    const int then = led;
    send();
    while (led == then && in_time()) std::this_thread::yield();
    ++rounds;
  }
  EXPECT_EQ(rounds, 20) << "the leader slept on";
  over = true;
  server_->stop_workers(service.id());
  leader.join();
  reader.join();
}

TEST_F(WorkerTest, AWorkerOfAnEarlierEpochThatComesLateLeavesAtOnce) {
  const Service service(*server_, address_, 0, echo);
  EXPECT_EQ(server_->dismiss_workers(service.id()), 1U);
  Worker worker(*server_, service.id());
  EXPECT_FALSE(worker.wait());
}

TEST_F(WorkerTest, TwoServicesOfOnePoolAreBothServed) {
  const std::string other = address_ + "2";
  const Service one(*server_, address_, 1, echo);
  const Service two(*server_, other, 1, echo);
  const ClientId client = connect(*client_);
  address_ = other;
  const ClientId second = connect(*client_);
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(call(i % 2 == 0 ? client : second, "x", within_seconds(10)).outcome.code, Code::kOk) << i;
  }
}

// The workers of one service read for all; when it ends, those of the other must take over.
TEST_F(WorkerTest, AServiceIsServedAfterAnotherOfThePoolHasEnded) {
  const std::string other = address_ + "2";
  for (int i = 0; i < 30; ++i) {
    auto ending = std::make_unique<Service>(*server_, other, 2, echo);
    const Service staying(*server_, address_, 2, echo);
    const ClientId client = connect(*client_);
    ASSERT_EQ(call(client, "x", within_seconds(10)).outcome.code, Code::kOk);
    ending.reset();
    ASSERT_EQ(call(client, "x", within_seconds(10)).outcome.code, Code::kOk) << i;
    client_->driver().close_client(client);
  }
}

// A reader of its own, with nobody who would run the request.
TEST_F(WorkerTest, ARequestThatIsCancelledBeforeItBeganIsAnsweredThoughNoWorkerComes) {
  const Service service(*server_, address_, 0, echo);
  const ClientId client = connect(*client_);
  CallOptions options;
  options.timeout = std::chrono::milliseconds(5);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(call(client, "x", options).outcome.code, Code::kDeadlineExceeded);
  const auto settled = [&] { return client_->driver().client_status(client).pending_calls == 0; };
  EXPECT_TRUE(client_->wait_until(settled, Clock::now() + std::chrono::seconds(10), {}));
}

// One worker sleeps as the leader and is woken while another, back from its handler, reads the next slow request. The
// moments of both are moved against each other from round to round.
TEST_F(WorkerTest, ASlowHandlerAfterAnotherLeavesSomebodyToRead) {
  constexpr std::size_t kRounds = 10'000;
  Counter entered;
  std::vector<Gate> gates(kRounds + 1);
  const Service service(*server_, address_, 3, [&](BlockingDriver& driver, const InboundCall& inbound) {
    if (inbound.method == 1) {
      entered.add();
      gates.at(std::stoul(std::string(text_of(inbound.payload)))).wait();
    }
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  std::thread slow([&] {
    for (std::size_t round = 0; round <= kRounds; ++round) {
      EXPECT_EQ(call(client, std::to_string(round), {}, "slow").outcome.code, Code::kOk);
    }
  });
  const std::unique_ptr<BlockingDriver> other = make_driver();
  const ClientId second = connect(*other);
  const std::uint32_t fast = other->driver().intern_method(second, "echo");
  for (std::size_t round = 0; round < kRounds; ++round) {
    entered.wait_for(static_cast<int>(round) + 1);
    gates.at(round).open();
    const TimePoint moment = Clock::now() + std::chrono::microseconds(round % 200);
    while (Clock::now() < moment) cpu_relax();
    EXPECT_EQ(other->call(second, fast, within_seconds(10), {}, {}, {}).outcome.code, Code::kOk) << round;
  }
  gates.at(kRounds).open();
  slow.join();
}

// The watchdog rests while an idle worker reads for it, and this one reads for a hundred milliseconds.
TEST_F(WorkerTest, TheLastWorkerToLeaveWakesTheWatchdog) {
  const Service service(*server_, address_, 0, echo);
  {
    Worker worker(*server_, service.id());
    EXPECT_FALSE(worker.wait([] { return true; }));
  }
  const ClientId client = connect(*client_);
  EXPECT_TRUE(client_->wait_until([&] { return client_->driver().client_status(client).state == ClientState::kReady; },
                                  Clock::now() + std::chrono::seconds(10), {}))
      << "nobody reads for the service";
}

TEST_F(WorkerTest, AWorkerThatComesAfterItsServerHasBeenForgottenLeavesAtOnce) {
  Service service(*server_, address_, 2, echo);
  const ClientId client = connect(*client_);
  EXPECT_EQ(call(client, "x").outcome.code, Code::kOk);
  server_->driver().close_server(service.id(), Duration::zero());
  const auto closed = [&] { return server_->driver().server_status(service.id()).state == ServerState::kClosed; };
  ASSERT_TRUE(server_->wait_until(closed, Clock::now() + std::chrono::seconds(10), {}));
  service.stop();
  Worker worker(*server_, service.id());
  EXPECT_FALSE(worker.wait()) << "nobody will stop it any more";
}

}  // namespace
}  // namespace ipcbridge
