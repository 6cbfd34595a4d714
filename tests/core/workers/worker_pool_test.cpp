#include "core/workers/worker_pool.hpp"

#include <poll.h>

#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/system.hpp"

namespace ipcbridge {
namespace {

constexpr ServerId kServer = 1;
constexpr ServerId kOther = 2;
constexpr std::uint32_t kLoopMethod = 1;

bool is_rung(const Bell& bell) {
  pollfd descriptor{bell.fd(), POLLIN, 0};
  const bool rung = ::poll(&descriptor, 1, 0) == 1;
  bell.silence();
  return rung;
}

class WorkerPoolTest : public testing::Test {
 protected:
  using Idle = WorkerPool::Idle;

  WorkerPoolTest() { watchdog_.fall_asleep(false, true, 0); }

  static InboundCall call(std::uint64_t id, ServerId server = kServer, std::uint32_t method = 0) {
    InboundCall made;
    made.server = server;
    made.key = {1, id};
    made.method = method;
    return made;
  }
  void push(std::uint64_t id, ServerId server = kServer, std::uint32_t method = 0) {
    pool_.push(call(id, server, method));
  }
  Idle worker(ServerId server = kServer, std::uint32_t epoch = 0) {
    WorkQueue& queue = pool_.queue(server);
    return {queue, pool_.add_worker(queue), epoch};
  }
  void follow(Idle& idle) {
    ASSERT_TRUE(idle.waiter.fall_asleep());
    pool_.follow(idle);
  }
  void lead(Idle& idle) {
    idle.asleep = true;
    pool_.lead(idle);
    token_.note_called();  // a message wakes it
  }
  void wake_needed() { pool_.wake_needed(token_, watchdog_); }
  bool leader_is_woken() { return is_rung(pool_.leader_bell()); }
  bool watchdog_is_woken() { return is_rung(watchdog_.bell()); }
  static bool is_woken(Idle& idle) { return idle.waiter.get_up() == Waiter::kPromoted; }

  ReaderToken token_;
  Watchdog watchdog_{Bell::create(System::real()).value()};
  WorkerPool pool_{Bell::create(System::real()).value()};
};

TEST_F(WorkerPoolTest, ACallWakesTheFollowerThatFellAsleepLastAndNotTheLeader) {
  Idle leader = worker();
  Idle first = worker();
  Idle last = worker();
  lead(leader);
  follow(first);
  follow(last);
  push(1);
  EXPECT_TRUE(pool_.has_new_calls());
  wake_needed();
  EXPECT_FALSE(pool_.has_new_calls());
  EXPECT_FALSE(is_woken(first));
  EXPECT_TRUE(is_woken(last));
  EXPECT_FALSE(leader_is_woken());
}

TEST_F(WorkerPoolTest, ACallWakesTheLeaderWhereNobodyFollows) {
  Idle leader = worker();
  lead(leader);
  push(1);
  wake_needed();
  EXPECT_TRUE(leader_is_woken());
  EXPECT_FALSE(leader.asleep);
  wake_needed();
  EXPECT_FALSE(leader_is_woken()) << "it has been woken";
}

TEST_F(WorkerPoolTest, ACallWakesOneWorkerHoweverOftenItIsLookedFor) {
  Idle first = worker();
  Idle last = worker();
  follow(first);
  follow(last);
  push(1);
  wake_needed();
  wake_needed();
  EXPECT_TRUE(is_woken(last));
  EXPECT_FALSE(is_woken(first)) << "the other is on its way";
}

TEST_F(WorkerPoolTest, ACallIsForTheWorkersOfItsServer) {
  Idle mine = worker();
  Idle others = worker(kOther);
  Idle leader = worker(kOther);
  lead(leader);
  follow(mine);
  follow(others);
  push(1);
  wake_needed();
  EXPECT_TRUE(is_woken(mine));
  EXPECT_FALSE(is_woken(others));
}

TEST_F(WorkerPoolTest, WhereNobodyReadsAFollowerIsWokenToReadAndElseTheWatchdog) {
  wake_needed();
  EXPECT_TRUE(watchdog_is_woken());
  watchdog_.fall_asleep(false, true, 0);
  token_.pass_on(false);  // unattended again
  Idle follower = worker();
  follow(follower);
  wake_needed();
  EXPECT_TRUE(is_woken(follower));
  EXPECT_FALSE(watchdog_is_woken());
}

TEST_F(WorkerPoolTest, NobodyIsWokenToReadWhereSomebodyDoes) {
  ASSERT_TRUE(token_.try_take());
  Idle follower = worker();
  follow(follower);
  wake_needed();
  EXPECT_FALSE(is_woken(follower));
  EXPECT_FALSE(watchdog_is_woken());
}

TEST_F(WorkerPoolTest, AWorkerTakesTheCallsOfItsServerInTheirOrder) {
  Idle idle = worker();
  push(1);
  push(2, kOther);
  push(3);
  InboundCall taken;
  ASSERT_TRUE(pool_.take(idle.queue, idle.worker, taken));
  EXPECT_EQ(taken.key.id, 1U);
  ASSERT_TRUE(pool_.take(idle.queue, idle.worker, taken));
  EXPECT_EQ(taken.key.id, 3U);
  EXPECT_FALSE(pool_.take(idle.queue, idle.worker, taken));
  EXPECT_EQ(pool_.starts(), 2U);
}

TEST_F(WorkerPoolTest, ACancelledCallIsTakenBackUnlessItRuns) {
  Idle idle = worker();
  push(1);
  push(2);
  InboundCall taken;
  ASSERT_TRUE(pool_.take(idle.queue, idle.worker, taken));
  EXPECT_FALSE(pool_.cancel(kServer, {1, 1}));
  EXPECT_TRUE(pool_.cancel(kServer, {1, 2}));
  EXPECT_FALSE(pool_.cancel(kServer, {1, 2}));
  EXPECT_FALSE(pool_.take(idle.queue, idle.worker, taken));
}

TEST_F(WorkerPoolTest, StopWakesAllWorkersOfThatServer) {
  Idle leader = worker();
  Idle follower = worker();
  Idle others = worker(kOther);
  lead(leader);
  follow(follower);
  follow(others);
  pool_.stop(kServer);
  wake_needed();
  EXPECT_TRUE(leader_is_woken());
  EXPECT_TRUE(is_woken(follower));
  EXPECT_FALSE(is_woken(others));
}

TEST_F(WorkerPoolTest, DismissWakesTheWorkersOfEarlierEpochs) {
  Idle old = worker();
  const std::uint32_t epoch = pool_.dismiss(kServer);
  Idle young = worker(kServer, epoch);
  Idle leader = worker(kOther);
  lead(leader);
  follow(old);
  follow(young);
  EXPECT_TRUE(old.is_dismissed());
  EXPECT_FALSE(young.is_dismissed());
  wake_needed();
  EXPECT_TRUE(is_woken(old));
  EXPECT_FALSE(is_woken(young));
}

TEST_F(WorkerPoolTest, AServerIsForgottenWhenItIsOverAndItsLastWorkerHasLeft) {
  Idle idle = worker();
  pool_.erase_if_over(kServer);
  EXPECT_NE(pool_.find(kServer), nullptr);
  pool_.queue(kServer).over = true;
  pool_.erase_if_over(kServer);
  EXPECT_NE(pool_.find(kServer), nullptr) << "a worker is there";
  pool_.remove_worker(idle.queue, idle.worker);
  pool_.erase_if_over(kServer);
  EXPECT_EQ(pool_.find(kServer), nullptr);
}

TEST_F(WorkerPoolTest, TheLoopLeadsFromItsFirstCallUntilManyInARowWereForThreads) {
  pool_.queue(kServer).set_loop_methods({false, true});
  Idle loop = worker(WorkerPool::kLoop);
  EXPECT_FALSE(pool_.is_for_loop_to_lead());
  push(1, kServer, kLoopMethod);
  EXPECT_EQ(loop.queue.size(), 1U);
  EXPECT_TRUE(pool_.is_for_loop_to_lead());
  for (std::uint64_t id = 2; id < 17; ++id) push(id);
  EXPECT_TRUE(pool_.is_for_loop_to_lead());
  push(17);
  EXPECT_FALSE(pool_.is_for_loop_to_lead());
  EXPECT_FALSE(pool_.is_for_thread_to_lead()) << "none is idle";
  Idle thread = worker();
  follow(thread);
  EXPECT_TRUE(pool_.is_for_thread_to_lead());
}

TEST_F(WorkerPoolTest, WhatWaitsForALoopThatGoesIsForThreads) {
  pool_.queue(kServer).set_loop_methods({false, true});
  Idle loop = worker(WorkerPool::kLoop);
  Idle thread = worker();
  push(1, kServer, kLoopMethod);
  InboundCall unplaced;
  EXPECT_FALSE(pool_.forget_loop(loop.queue, loop.worker, unplaced));
  InboundCall taken;
  ASSERT_TRUE(pool_.take(thread.queue, thread.worker, taken));
  EXPECT_EQ(taken.key.id, 1U);
}

}  // namespace
}  // namespace ipcbridge
