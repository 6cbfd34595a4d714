// Threads that call and wait; worker_test.cpp has those that run handlers.
#include "core/workers/blocking_driver.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/faulty_system.hpp"
#include "tests/core/workers/blocking_driver_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::BlockingDriverTest;
using testing_support::Counter;
using testing_support::echo;
using testing_support::Gate;
using testing_support::is_pattern;
using testing_support::make_driver;
using testing_support::pattern;
using testing_support::Service;
using testing_support::text_of;
using testing_support::within_seconds;

TEST_F(BlockingDriverTest, ACallThatWaitsReadsItsAnswer) {
  const Service service(*server_, address_, 1, echo);
  const ClientId client = connect(*client_);
  for (int i = 0; i < 500; ++i) {
    const CallResult result = call(client, "hello");
    ASSERT_EQ(result.outcome.code, Code::kOk) << result.message;
    ASSERT_EQ(text_of(result.outcome.payload), "hello");
  }
}

TEST_F(BlockingDriverTest, ManyThreadsEachGetTheirOwnAnswers) {
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

TEST_F(BlockingDriverTest, AHandlerMayCallTheServiceThatItBelongsTo) {
  ClientId inner = 0;
  std::unique_ptr<Service> service;
  service = std::make_unique<Service>(*server_, address_, 4, [&](BlockingDriver& driver, const InboundCall& inbound) {
    const std::string text = text_of(inbound.payload);
    if (text == "0") return echo(driver, inbound);
    const std::string less = std::to_string(std::stoi(text) - 1);
    const CallResult result =
        driver.call(inner, driver.driver().intern_method(inner, "echo"), {}, {}, as_bytes(less), {});
    driver.reply(inbound.key, result.outcome.payload);
  });
  inner = connect(*server_);
  const ClientId client = connect(*client_);
  for (int i = 0; i < 50; ++i) {
    const CallResult result = call(client, "3");
    ASSERT_EQ(text_of(result.outcome.payload), "0") << result.message;
  }
}

TEST_F(BlockingDriverTest, AnInterruptedWaitIsCancelledAndTheCalleeIsTold) {
  Gate gate;
  std::atomic<bool> cancelled{false};
  server_ = make_driver([&](const ObservedEvent& event) {
    if (std::holds_alternative<CancelEvent>(event)) cancelled = true;
  });
  std::atomic<bool> entered{false};
  const Service service(*server_, address_, 1, [&](BlockingDriver& driver, const InboundCall& inbound) {
    entered = true;
    gate.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  const CallResult result = call(client, "x", {}, "slow", [&] { return entered.load(); });
  EXPECT_EQ(result.outcome.code, Code::kCancelled);
  EXPECT_TRUE(server_->wait_until([&] { return cancelled.load(); }, Clock::now() + std::chrono::seconds(10), {}));
  gate.open();
  EXPECT_EQ(call(client, "y").outcome.code, Code::kOk);
}

// As the handler of a signal does, which runs when a wait asks whether it was interrupted.
TEST_F(BlockingDriverTest, WhatAWaitAsksMayCallItself) {
  Gate gate;
  const Service service(*server_, address_, 2, [&](BlockingDriver& driver, const InboundCall& inbound) {
    if (inbound.method == 1) gate.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  const auto calls = [&] {
    EXPECT_EQ(call(client, "inner", within_seconds(10)).outcome.code, Code::kOk);
    gate.open();
    return false;
  };
  EXPECT_EQ(text_of(call(client, "outer", {}, "slow", calls).outcome.payload), "outer");
}

TEST_F(BlockingDriverTest, WhatAnIdleWorkerAsksMayCallAndTakesTheReadingFromNobody) {
  const Service service(*server_, address_, 1, echo);
  const ClientId client = connect(*client_);
  ASSERT_EQ(call(client, "x").outcome.code, Code::kOk);
  const std::string other = address_ + "2";
  ServeOptions options;
  options.address = other;
  options.methods = {"echo"};
  const ServerId second = server_->driver().serve(options).value();
  Worker worker(*server_, second);
  const auto calls = [&] {
    EXPECT_EQ(call(client, "x", within_seconds(10)).outcome.code, Code::kOk);
    return true;
  };
  InboundCall inbound;
  EXPECT_FALSE(worker.next(inbound, calls));
}

TEST_F(BlockingDriverTest, CallersWaitForRoomInTheQueue) {
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

// Its time begins when it is called, and not when it finds room.
TEST_F(BlockingDriverTest, ACallThatWaitsForRoomKeepsItsDeadline) {
  Gate gate;
  std::atomic<std::uint64_t> left_us = 0;
  Limits limits;
  limits.max_pending_calls = 1;
  const auto handler = [&](BlockingDriver& driver, const InboundCall& inbound) {
    if (inbound.method == 1) gate.wait();
    if (inbound.timeout_us != 0) left_us = inbound.timeout_us;
    echo(driver, inbound);
  };
  Service service(*server_, address_, 1, handler, limits);
  ConnectOptions options;
  options.addresses = {address_};
  options.max_queued_bytes = 1000;
  const ClientId client = client_->driver().connect(options).value();
  std::thread first([&] { call(client, "x", {}, "slow"); });
  service.entered.wait_for(1);
  std::thread second([&] { call(client, text_of(pattern(800, 1))); });
  wait_for_queued(client, 1);

  std::vector<TimePoint> asked;
  const auto open = [&] {
    asked.push_back(Clock::now());
    if (asked.size() == 2) gate.open();
    return false;
  };
  EXPECT_EQ(call(client, text_of(pattern(800, 1)), within_seconds(60), "echo", open).outcome.code, Code::kOk);
  first.join();
  second.join();
  EXPECT_LE(std::chrono::microseconds(left_us.load()), std::chrono::seconds(60) - (asked[1] - asked[0]));
}

// Whoever is interrupted makes room, and the thread that reads is asleep.
TEST_F(BlockingDriverTest, TheCallBehindOneThatIsInterruptedIsAnswered) {
  Gate gate;
  Limits limits;
  limits.max_pending_bytes = 20'000;
  const auto handler = [&](BlockingDriver& driver, const InboundCall& inbound) {
    if (inbound.method == 1) gate.wait();
    echo(driver, inbound);
  };
  Service service(*server_, address_, 2, handler, limits);
  const ClientId client = connect(*client_);
  std::thread reader([&] { call(client, text_of(pattern(15'000, 1)), {}, "slow"); });
  service.entered.wait_for(1);
  std::atomic<bool> interrupted{false};
  std::thread too_long([&] {
    const auto result = call(client, text_of(pattern(15'000, 1)), {}, "echo", [&] { return interrupted.load(); });
    EXPECT_EQ(result.outcome.code, Code::kCancelled);
  });
  wait_for_queued(client, 1);
  std::thread behind([&] { EXPECT_EQ(call(client, "short", within_seconds(3)).outcome.code, Code::kOk); });
  wait_for_queued(client, 2);
  interrupted = true;
  too_long.join();
  behind.join();
  gate.open();
  reader.join();
}

TEST_F(BlockingDriverTest, AWaitForAConditionEndsWithItsDeadlineOrTheCondition) {
  EXPECT_FALSE(client_->wait_until([] { return false; }, Clock::now(), {}));
  EXPECT_FALSE(client_->wait_until([] { return false; }, kNever, [] { return true; }));
  const ClientId client = connect(*client_);
  const Service service(*server_, address_, 1, echo);
  EXPECT_TRUE(client_->wait_until([&] { return client_->driver().client_status(client).state == ClientState::kReady; },
                                  Clock::now() + std::chrono::seconds(10), {}));
}

TEST_F(BlockingDriverTest, AWaitForAConditionHearsOfWhatAnotherThreadReads) {
  std::atomic<ClientId> ready{0};
  client_ = make_driver([&](const ObservedEvent& event) {
    const auto* changed = std::get_if<ClientStateEvent>(&event);
    if (changed != nullptr && changed->state == ClientState::kReady) ready = changed->client;
  });
  Gate gate;
  Service service(*server_, address_, 1, [&](BlockingDriver& driver, const InboundCall& inbound) {
    gate.wait();
    echo(driver, inbound);
  });
  const ClientId first = connect(*client_);
  std::thread reader([&] { call(first, "x"); });
  service.entered.wait_for(1);
  for (int i = 0; i < 40; ++i) {
    const ClientId client = connect(*client_);
    const auto is_ready = [&] { return ready == client; };
    EXPECT_TRUE(client_->wait_until(is_ready, kNever, {}));  // who is not told waits for ever
  }
  gate.open();
  reader.join();
}

TEST_F(BlockingDriverTest, CallsMadeBeforeTheServiceIsThereWaitForIt) {
  const ClientId client = connect(*client_);
  std::thread caller([&] { EXPECT_EQ(call(client, "early").outcome.code, Code::kOk); });
  wait_for_queued(client, 1);
  const Service service(*server_, address_, 1, echo);
  caller.join();
}

TEST_F(BlockingDriverTest, TheServiceThatIsLostEndsEveryWait) {
  Gate gate;
  Counter entered;
  auto service =
      std::make_unique<Service>(*server_, address_, 4, [&](BlockingDriver& driver, const InboundCall& inbound) {
        entered.add();
        gate.wait();
        echo(driver, inbound);
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

// It sleeps while another thread reads, and wakes by itself.
TEST_F(BlockingDriverTest, AWaitEndsWhenTheTimeOfItsSystemHasCome) {
  testing_support::FaultySystem system;
  system.pass(std::chrono::hours(1));
  client_ = make_driver(system);
  Gate gate;
  Service service(*server_, address_, 1, [&gate](BlockingDriver& driver, const InboundCall& inbound) {
    gate.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  std::thread reader([&] { EXPECT_EQ(call(client, "x").outcome.code, Code::kOk); });
  service.entered.wait_for(1);
  EXPECT_FALSE(client_->wait_until([] { return false; }, system.now() + std::chrono::milliseconds(20), {}));
  gate.open();
  reader.join();
  client_.reset();
}

TEST_F(BlockingDriverTest, ACallIsReceivedAtTheTimeOfItsSystem) {
  testing_support::FaultySystem system;
  system.pass(std::chrono::hours(1));
  server_ = make_driver(system);
  std::atomic<TimePoint> received{TimePoint{}};
  {
    const Service service(*server_, address_, 1, [&received](BlockingDriver& driver, const InboundCall& inbound) {
      received = inbound.received;
      echo(driver, inbound);
    });
    const TimePoint before = system.now();
    ASSERT_EQ(call(connect(*client_), "x", within_seconds(10)).outcome.code, Code::kOk);
    EXPECT_GE(received.load(), before);
    EXPECT_LE(received.load(), system.now());
  }
  server_.reset();
}

}  // namespace
}  // namespace ipcbridge
