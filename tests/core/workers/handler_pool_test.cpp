#include "core/workers/handler_pool.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

class HandlerPoolTest : public testing::Test {
 protected:
  static InboundCall call_of(std::uint64_t connection, std::uint64_t id) {
    InboundCall call;
    call.key = {connection, id};
    return call;
  }
  void push(std::uint64_t id, std::uint64_t connection = 1) { pool_.push(call_of(connection, id)); }
  // The id of the call that the thread takes; zero: none.
  static std::uint64_t take(HandlerPool::Thread& thread) {
    InboundCall call;
    return thread.take(call) ? call.key.id : 0;
  }
  // A thread that has been started because it was wanted.
  std::unique_ptr<HandlerPool::Thread> start() {
    EXPECT_TRUE(pool_.call_thread());
    return std::make_unique<HandlerPool::Thread>(pool_);
  }

  HandlerPool pool_{2};
};

TEST_F(HandlerPoolTest, WantsNoThreadWhileNothingWaits) { EXPECT_FALSE(pool_.call_thread()); }

TEST_F(HandlerPoolTest, WantsOneThreadAtATimeAndTheNextWhenThatOneLeavesSomething) {
  push(1);
  push(2);
  const auto first = start();
  EXPECT_FALSE(pool_.call_thread()) << "one is coming";
  EXPECT_EQ(take(*first), 1U);
  const auto second = start();
  EXPECT_EQ(take(*second), 2U);
  EXPECT_FALSE(pool_.call_thread());
}

TEST_F(HandlerPoolTest, WantsNoMoreThreadsThanItMayHave) {
  for (std::uint64_t id = 1; id <= 3; ++id) push(id);
  const auto first = start();
  EXPECT_EQ(take(*first), 1U);
  const auto second = start();
  EXPECT_EQ(take(*second), 2U);
  EXPECT_FALSE(pool_.call_thread());
  EXPECT_EQ(take(*first), 3U);
}

TEST_F(HandlerPoolTest, AThreadThatComesForNothingNoLongerCounts) {
  push(1);
  const auto first = start();
  EXPECT_TRUE(pool_.cancel({1, 1}));
  EXPECT_EQ(take(*first), 0U);
  push(2);
  EXPECT_TRUE(pool_.call_thread()) << "it does not wait yet";
}

TEST_F(HandlerPoolTest, WhatAThreadLeavesBehindIsForAnother) {
  push(1);
  start().reset();
  EXPECT_TRUE(pool_.call_thread());
}

TEST_F(HandlerPoolTest, CallsAreRefusedWhenNoThreadCanBeStarted) {
  push(1);
  ASSERT_TRUE(pool_.call_thread());
  EXPECT_TRUE(pool_.note_not_started());
  InboundCall call;
  EXPECT_TRUE(pool_.take_back(call));
  EXPECT_FALSE(pool_.take_back(call));
}

TEST_F(HandlerPoolTest, CallsWaitForTheThreadsThatThereAreWhenNoOtherCanBeStarted) {
  push(1);
  push(2);
  const auto first = start();
  EXPECT_EQ(take(*first), 1U);
  ASSERT_TRUE(pool_.call_thread());
  EXPECT_FALSE(pool_.note_not_started());
  EXPECT_EQ(take(*first), 2U);
}

TEST_F(HandlerPoolTest, AThreadWhoseStartWasTakenForAFailureIsOneMore) {
  push(1);
  ASSERT_TRUE(pool_.call_thread());
  EXPECT_TRUE(pool_.note_not_started());
  HandlerPool::Thread late(pool_);
  EXPECT_TRUE(late.wait());
  EXPECT_EQ(take(late), 1U);
  push(2);
  EXPECT_TRUE(pool_.call_thread());
}

TEST_F(HandlerPoolTest, ConnectionsTakeTurnsAndThoseThatHaveEndedOneTogether) {
  for (std::uint64_t id = 1; id <= 3; ++id) push(id, 1);
  for (std::uint64_t id = 4; id <= 5; ++id) push(id, 2);
  push(6, 3);
  pool_.end_connection(2);
  pool_.end_connection(3);
  const auto thread = start();
  for (const std::uint64_t id : {1U, 4U, 2U, 5U, 3U, 6U}) EXPECT_EQ(take(*thread), id);
}

TEST_F(HandlerPoolTest, ACancelledCallIsTakenBackOrItsThreadIsTold) {
  push(1);
  push(2);
  const auto thread = start();
  EXPECT_EQ(take(*thread), 1U);
  EXPECT_FALSE(pool_.is_cancelled({1, 1}));
  EXPECT_FALSE(pool_.cancel({1, 1})) << "it runs";
  EXPECT_TRUE(pool_.is_cancelled({1, 1}));
  EXPECT_TRUE(pool_.cancel({1, 2}));
  EXPECT_FALSE(pool_.is_cancelled({1, 2})) << "nobody runs it";
  push(3);
  EXPECT_EQ(take(*thread), 3U);
  EXPECT_FALSE(pool_.is_cancelled({1, 3}));
  EXPECT_FALSE(pool_.cancel({1, 9}));
}

TEST_F(HandlerPoolTest, StoppedItGivesNothingAndWhatRunsIsCancelled) {
  push(1);
  push(2);
  const auto thread = start();
  EXPECT_EQ(take(*thread), 1U);
  pool_.stop();
  EXPECT_TRUE(pool_.is_cancelled({1, 1}));
  EXPECT_EQ(take(*thread), 0U);
  EXPECT_FALSE(thread->wait());
  EXPECT_FALSE(pool_.call_thread());
}

// Threads on and off, cancellations and pushes beside them: each call is run or taken back, once.
TEST_F(HandlerPoolTest, NoCallIsLostOrRunTwice) {
  constexpr std::uint64_t kCalls = 20'000;
  std::vector<std::atomic<int>> ended(kCalls + 1);
  std::atomic<std::uint64_t> left{kCalls};
  std::vector<std::thread> threads;
  std::mutex starts;
  const std::function<void()> call_thread = [&] {
    if (!pool_.call_thread()) return;
    const std::lock_guard lock(starts);
    threads.emplace_back([&] {
      HandlerPool::Thread self(pool_);
      while (self.wait()) {
        for (InboundCall call; self.take(call);) {
          call_thread();
          ++ended[call.key.id];
          --left;
        }
      }
    });
  };
  for (std::uint64_t id = 1; id <= kCalls; ++id) {
    push(id, 1 + id % 7);
    call_thread();
    if (id % 16 == 0 && pool_.cancel({1 + (id - 1) % 7, id - 1})) {
      ++ended[id - 1];
      --left;
    }
    if (id % 64 == 0) {
      while (left > kCalls - id) std::this_thread::yield();
    }
  }
  while (left > 0) std::this_thread::yield();
  pool_.stop();
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(threads.size(), 2U);
  for (std::uint64_t id = 1; id <= kCalls; ++id) ASSERT_EQ(ended[id], 1) << id;
}

}  // namespace
}  // namespace ipcbridge
