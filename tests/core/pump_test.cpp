#include "core/endpoint/pump.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::is_pattern;
using testing_support::pattern;
using testing_support::text_of;

std::unique_ptr<Pump> make_pump(Pump::Observer observer = {}) {
  return std::move(Pump::create(DriverOptions{}, std::move(observer))).value();
}

// Opens once; whoever waits gets through.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

// Counts what other threads do, and waits for it.
class Counter {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  void wait_for(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

// A service whose requests run on threads of a pump.
class Service {
 public:
  using Handler = std::function<void(Pump&, const Work&)>;

  Service(Pump& pump, const std::string& address, int threads, Handler handler)
      : pump_(pump), handler_(std::move(handler)) {
    ServeOptions options;
    options.address = address;
    options.methods = {"echo", "slow"};
    id_ = pump_.driver().serve(options).value();
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~Service() {
    stop();
    pump_.driver().close_server(id_, Duration::zero());
  }
  void stop() {
    pump_.stop_workers(id_);
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  ServerId id() const { return id_; }
  Counter served;

 private:
  void work() {
    Work request;
    while (pump_.next_work(id_, request)) {
      handler_(pump_, request);
      served.add();
    }
  }

  Pump& pump_;
  Handler handler_;
  ServerId id_ = 0;
  std::vector<std::thread> threads_;
};

void echo(Pump& pump, const Work& work) { pump.driver().reply(work.key, work.payload); }

CallOptions within_seconds(int seconds) {
  CallOptions options;
  options.timeout = std::chrono::seconds(seconds);
  return options;
}

class PumpTest : public testing::Test {
 protected:
  ClientId connect(Pump& pump) {
    ConnectOptions options;
    options.addresses = {address_};
    return pump.driver().connect(options).value();
  }
  CallResult call(ClientId client, std::string_view payload, const CallOptions& options = {},
                  const std::string& name = "echo", const Pump::Interrupted& interrupted = {}) {
    return client_->call(client, client_->driver().intern_method(client, name), options, {}, as_bytes(payload),
                         interrupted);
  }

  testing_support::TemporaryDirectory directory_;
  std::string address_ = "shm://" + (directory_ / "calc");
  std::unique_ptr<Pump> server_ = make_pump();
  std::unique_ptr<Pump> client_ = make_pump();
};

TEST_F(PumpTest, ACallThatWaitsReadsItsAnswer) {
  const Service service(*server_, address_, 1, echo);
  const ClientId client = connect(*client_);
  for (int i = 0; i < 500; ++i) {
    const CallResult result = call(client, "hello");
    ASSERT_EQ(result.outcome.code, Code::kOk) << result.message;
    ASSERT_EQ(text_of(result.outcome.payload), "hello");
  }
}

TEST_F(PumpTest, ManyThreadsEachGetTheirOwnAnswers) {
  constexpr int kThreads = 8;
  constexpr std::uint32_t kCalls = 500;
  const Service service(*server_, address_, 4, echo);
  const ClientId client = connect(*client_);
  std::atomic<std::uint32_t> right{0};
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < kCalls; ++i) {
        const std::uint32_t seed = t * 1000 + i;
        const std::size_t size = i % 100 == 0 ? 50'000 : seed % 500;
        const CallResult result = call(client, as_text(pattern(size, seed)));
        const bool same = result.outcome.payload.size() == size && is_pattern(result.outcome.payload, seed);
        right += result.outcome.code == Code::kOk && same ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right.load(), kThreads * kCalls);
}

TEST_F(PumpTest, AHandlerMayCallTheServiceThatItBelongsTo) {
  ClientId inner = 0;
  std::unique_ptr<Service> service;
  service = std::make_unique<Service>(*server_, address_, 4, [&](Pump& pump, const Work& work) {
    const std::string text = text_of(work.payload);
    if (text == "0") return echo(pump, work);
    const std::string less = std::to_string(std::stoi(text) - 1);
    const CallResult result = pump.call(inner, pump.driver().intern_method(inner, "echo"), {}, {}, as_bytes(less), {});
    pump.driver().reply(work.key, result.outcome.payload);
  });
  inner = connect(*server_);
  const ClientId client = connect(*client_);
  for (int i = 0; i < 50; ++i) {
    const CallResult result = call(client, "3");
    ASSERT_EQ(text_of(result.outcome.payload), "0") << result.message;
  }
}

TEST_F(PumpTest, AStuckHandlerDoesNotHoldUpTheOthers) {
  Gate gate;
  Gate entered;
  const Service service(*server_, address_, 2, [&](Pump& pump, const Work& work) {
    if (work.method == 1) {
      entered.open();
      gate.wait();
    }
    echo(pump, work);
  });
  const ClientId client = connect(*client_);
  std::thread slow([&] { EXPECT_EQ(call(client, "s", {}, "slow").outcome.code, Code::kOk); });
  entered.wait();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(call(client, "f").outcome.code, Code::kOk);
  gate.open();
  slow.join();
}

TEST_F(PumpTest, DeadlinesPassAndBusyTellsWhenEveryWorkerIsStuck) {
  Gate gate;
  const Service service(*server_, address_, 2, [&](Pump& pump, const Work& work) {
    gate.wait();
    echo(pump, work);
  });
  const ClientId client = connect(*client_);
  CallOptions options;
  options.timeout = std::chrono::milliseconds(20);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(call(client, "x", options, "slow").outcome.code, Code::kDeadlineExceeded);
  const Pump::Busy busy = server_->busy(service.id());
  EXPECT_EQ(busy.workers, 2U);
  EXPECT_EQ(busy.running, 2U);
  EXPECT_EQ(busy.slowest_method, 1U);
  gate.open();
  EXPECT_EQ(call(client, "x").outcome.code, Code::kOk);
}

// What the client sees of the service without asking it.
TEST_F(PumpTest, TheCallerSeesWhichHandlerIsStuckAndThatItIsNotAnyMore) {
  Gate gate;
  const Service service(*server_, address_, 2, [&](Pump& pump, const Work& work) {
    if (work.method == 1) gate.wait();
    echo(pump, work);
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

TEST_F(PumpTest, AnInterruptedWaitIsCancelledAndTheCalleeIsTold) {
  Gate gate;
  std::atomic<bool> cancelled{false};
  server_ = make_pump([&](const Event& event) {
    if (event.kind == Event::Kind::kCancel) cancelled = true;
  });
  std::atomic<bool> entered{false};
  const Service service(*server_, address_, 1, [&](Pump& pump, const Work& work) {
    entered = true;
    gate.wait();
    echo(pump, work);
  });
  const ClientId client = connect(*client_);
  const CallResult result = call(client, "x", {}, "slow", [&] { return entered.load(); });
  EXPECT_EQ(result.outcome.code, Code::kCancelled);
  EXPECT_TRUE(server_->wait_until([&] { return cancelled.load(); }, Clock::now() + std::chrono::seconds(10), {}));
  gate.open();
  EXPECT_EQ(call(client, "y").outcome.code, Code::kOk);
}

TEST_F(PumpTest, CallersWaitForRoomInTheQueue) {
  const Service service(*server_, address_, 2, echo);
  ConnectOptions options;
  options.addresses = {address_};
  options.max_queued_bytes = 5000;
  options.limits.max_pending_calls = 4;
  const ClientId client = client_->driver().connect(options).value();
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) right += call(client, as_text(pattern(2000, 1))).outcome.code == Code::kOk ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right.load(), 16 * 50);
}

TEST_F(PumpTest, AWaitForAConditionEndsWithItsDeadlineOrTheCondition) {
  EXPECT_FALSE(client_->wait_until([] { return false; }, Clock::now(), {}));
  EXPECT_FALSE(client_->wait_until([] { return false; }, kNever, [] { return true; }));
  const ClientId client = connect(*client_);
  const Service service(*server_, address_, 1, echo);
  EXPECT_TRUE(client_->wait_until([&] { return client_->driver().client_status(client).state == ClientState::kReady; },
                                  Clock::now() + std::chrono::seconds(10), {}));
}

TEST_F(PumpTest, CallsMadeBeforeTheServiceIsThereWaitForIt) {
  const ClientId client = connect(*client_);
  std::thread caller([&] { EXPECT_EQ(call(client, "early").outcome.code, Code::kOk); });
  EXPECT_TRUE(client_->wait_until([&] { return client_->driver().client_status(client).queued_calls == 1; },
                                  Clock::now() + std::chrono::seconds(10), {}));
  const Service service(*server_, address_, 1, echo);
  caller.join();
}

TEST_F(PumpTest, NotificationsAreAllRun) {
  constexpr int kCount = 3000;
  Service service(*server_, address_, 2, echo);
  const ClientId client = connect(*client_);
  CallOptions options;
  options.notify = true;
  for (int i = 0; i < kCount; ++i) EXPECT_EQ(call(client, "x", options).outcome.code, Code::kOk);
  service.served.wait_for(kCount);
}

TEST_F(PumpTest, AnotherShiftServesWhileAHandlerOfTheFirstStillRuns) {
  Gate gate;
  Counter entered;
  Service first(*server_, address_, 3, [&](Pump& pump, const Work& work) {
    entered.add();
    gate.wait();
    echo(pump, work);
  });
  const ClientId client = connect(*client_);
  std::thread early([&] { EXPECT_EQ(text_of(call(client, "early").outcome.payload), "early"); });
  entered.wait_for(1);
  Work work;
  work.shift = server_->begin_shift(first.id());
  std::thread later([&] {
    EXPECT_EQ(text_of(call(client, "later").outcome.payload), "later");
    EXPECT_EQ(text_of(call(client, "and later").outcome.payload), "and later");
  });
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(server_->next_work(first.id(), work)) << i;
    echo(*server_, work);
  }
  later.join();
  gate.open();
  early.join();
  first.stop();
  EXPECT_FALSE(server_->next_work(first.id(), work));
}

TEST_F(PumpTest, AWorkerOfAnEarlierShiftThatComesLateLeavesAtOnce) {
  const Service service(*server_, address_, 0, echo);
  EXPECT_EQ(server_->begin_shift(service.id()), 1U);
  Work work;
  EXPECT_FALSE(server_->next_work(service.id(), work));
}

TEST_F(PumpTest, TwoServicesOfOnePoolAreBothServed) {
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
TEST_F(PumpTest, AServiceIsServedAfterAnotherOfThePoolHasEnded) {
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

// The pump's own thread parks while an idle worker reads for it, and this one reads for a hundred milliseconds.
TEST_F(PumpTest, TheLastWorkerToLeaveWakesThePumpsOwnThread) {
  const Service service(*server_, address_, 0, echo);
  Work work;
  EXPECT_FALSE(server_->next_work(service.id(), work, [] { return true; }));
  const ClientId client = connect(*client_);
  EXPECT_TRUE(client_->wait_until([&] { return client_->driver().client_status(client).state == ClientState::kReady; },
                                  Clock::now() + std::chrono::seconds(10), {}))
      << "nobody reads for the service";
}

TEST_F(PumpTest, AWorkerThatComesAfterItsServerHasBeenForgottenLeavesAtOnce) {
  Service service(*server_, address_, 2, echo);
  const ClientId client = connect(*client_);
  EXPECT_EQ(call(client, "x").outcome.code, Code::kOk);
  server_->driver().close_server(service.id(), Duration::zero());
  const auto closed = [&] { return server_->driver().server_status(service.id()).state == ServerState::kClosed; };
  ASSERT_TRUE(server_->wait_until(closed, Clock::now() + std::chrono::seconds(10), {}));
  service.stop();
  Work work;
  EXPECT_FALSE(server_->next_work(service.id(), work)) << "nobody will stop it any more";
}

TEST_F(PumpTest, TheServiceThatIsLostEndsEveryWait) {
  Gate gate;
  Counter entered;
  auto service = std::make_unique<Service>(*server_, address_, 4, [&](Pump& pump, const Work& work) {
    entered.add();
    gate.wait();
    echo(pump, work);
  });
  const ClientId client = connect(*client_);
  std::vector<std::thread> threads;
  std::atomic<int> lost{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] { lost += call(client, "x").outcome.code == Code::kUnavailable ? 1 : 0; });
  }
  entered.wait_for(4);
  server_->driver().close_server(service->id(), Duration::zero());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lost.load(), 4);
  gate.open();
}

}  // namespace
}  // namespace ipcbridge
