#include "core/workers/work_queue.hpp"

#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

class WorkQueueTest : public testing::Test {
 protected:
  WorkQueueTest() : worker_(queue_.add_worker()) {}

  void push(std::uint64_t id) {
    InboundCall call;
    call.key = {1, id};
    call.server = 1;
    queue_.push(std::move(call));
  }
  bool cancel(std::uint64_t id) { return queue_.cancel({1, id}); }

  std::vector<std::uint64_t> pop_all() {
    std::vector<std::uint64_t> ids;
    while (queue_.pop(worker_, call_, 0)) {
      ids.push_back(call_.key.id);
      queue_.finish(worker_, 0);
    }
    return ids;
  }
  std::uint32_t queued() const { return queue_.load(Clock::now()).queued; }

  WorkQueue queue_{1};
  WorkQueue::WorkerId worker_;
  InboundCall call_;
};

using Ids = std::vector<std::uint64_t>;

TEST_F(WorkQueueTest, GivesCallsInTheirOrderExceptThoseThatWereCancelled) {
  for (std::uint64_t id = 1; id <= 6; ++id) push(id);
  EXPECT_TRUE(cancel(1));
  EXPECT_TRUE(cancel(3));
  EXPECT_TRUE(cancel(6));
  EXPECT_EQ(queued(), 3U);
  push(7);
  EXPECT_TRUE(cancel(4));
  EXPECT_EQ(pop_all(), (Ids{2, 5, 7}));
  EXPECT_EQ(queued(), 0U);
}

TEST_F(WorkQueueTest, CancelsOnlyWhatWaits) {
  push(1);
  push(2);
  ASSERT_TRUE(queue_.pop(worker_, call_, 0));
  EXPECT_FALSE(cancel(1)) << "it runs";
  EXPECT_FALSE(cancel(3)) << "it never came";
  EXPECT_TRUE(cancel(2));
  EXPECT_FALSE(cancel(2)) << "it was cancelled";
}

TEST_F(WorkQueueTest, IsEmptyWhenAllThatWaitedWasCancelled) {
  for (std::uint64_t id = 1; id <= 3; ++id) push(id);
  for (const std::uint64_t id : {2U, 3U, 1U}) EXPECT_TRUE(cancel(id));
  EXPECT_TRUE(queue_.empty());
  push(4);
  EXPECT_EQ(queued(), 1U);
  EXPECT_EQ(pop_all(), (Ids{4}));
}

// Cancelled requests behind one that waits are swept, and the order stays.
TEST_F(WorkQueueTest, KeepsItsOrderThroughACrowdOfCancellations) {
  constexpr std::uint64_t kCount = 20'000;
  Ids kept;
  for (std::uint64_t id = 1; id <= kCount; ++id) {
    push(id);
    if (id % 10 == 1) kept.push_back(id);
  }
  for (std::uint64_t id = kCount; id > 0; --id) {
    if (id % 10 != 1) {
      EXPECT_TRUE(cancel(id));
    }
  }
  EXPECT_EQ(queued(), kept.size());
  EXPECT_EQ(pop_all(), kept);
}

TEST_F(WorkQueueTest, DoesNotTakeOneCallAfterAnotherForALongOne) {
  push(1);
  ASSERT_TRUE(queue_.pop(worker_, call_, 0));
  EXPECT_TRUE(queue_.any_stuck(WorkQueue::kFastTicks));
  push(2);
  ASSERT_TRUE(queue_.pop(worker_, call_, WorkQueue::kFastTicks));
  EXPECT_FALSE(queue_.any_stuck(WorkQueue::kFastTicks));
  EXPECT_TRUE(queue_.expects_worker(WorkQueue::kFastTicks));
  queue_.finish(worker_, WorkQueue::kFastTicks);
  EXPECT_EQ(queue_.load(Clock::now()).running, 0U);
}

TEST_F(WorkQueueTest, WantsTicksUntilTheCallersAreToldOfWhatRuns) {
  const TimePoint begin = Clock::now();
  push(1);
  EXPECT_FALSE(queue_.wants_ticks(begin));
  ASSERT_TRUE(queue_.pop(worker_, call_, 0));
  EXPECT_TRUE(queue_.wants_ticks(begin)) << "no tick has seen it";
  queue_.note_time(begin);
  EXPECT_TRUE(queue_.wants_ticks(begin));
  EXPECT_FALSE(queue_.update_activity(begin));
  EXPECT_FALSE(queue_.wants_ticks(begin + WorkQueue::kTellAfter));
  EXPECT_TRUE(queue_.update_activity(begin + WorkQueue::kTellAfter));
  push(2);
  ASSERT_TRUE(queue_.pop(worker_, call_, 0));
  EXPECT_TRUE(queue_.wants_ticks(begin + WorkQueue::kTellAfter)) << "another";
  queue_.finish(worker_, 0);
  EXPECT_FALSE(queue_.wants_ticks(begin));
}

TEST_F(WorkQueueTest, AWorkerThatIsToComeCountsAsBusyButNotAsRunning) {
  EXPECT_FALSE(queue_.reserve(worker_, 0)) << "there is nothing to come for";
  push(1);
  EXPECT_TRUE(queue_.wants_worker());
  ASSERT_TRUE(queue_.reserve(worker_, 0));
  EXPECT_FALSE(queue_.wants_worker());
  EXPECT_TRUE(queue_.expects_worker(0));
  EXPECT_TRUE(queue_.all_stuck(WorkQueue::kFastTicks)) << "it has been kept from coming";
  EXPECT_EQ(queue_.load(Clock::now()).running, 0U);
  const TimePoint begin = Clock::now();
  queue_.note_time(begin);
  EXPECT_TRUE(queue_.wants_ticks(begin));
  EXPECT_FALSE(queue_.update_activity(begin + WorkQueue::kTellAfter)) << "it runs no handler that could be told of";
  push(2);
  EXPECT_TRUE(queue_.wants_worker()) << "for the second";
}

TEST_F(WorkQueueTest, AWorkerWhoseHandlerWaitsIsNotExpectedBackSoon) {
  push(1);
  ASSERT_TRUE(queue_.pop(worker_, call_, 0));
  EXPECT_TRUE(queue_.expects_worker(0));
  queue_.set_waiting(worker_, true);
  EXPECT_FALSE(queue_.expects_worker(0));
  queue_.set_waiting(worker_, false);
  EXPECT_TRUE(queue_.expects_worker(0));
}

TEST_F(WorkQueueTest, AWorkerThatRunsAMethodKnownAsSlowIsNotExpectedBackSoon) {
  push(1);
  ASSERT_TRUE(queue_.pop(worker_, call_, 0));
  queue_.finish(worker_, WorkQueue::kFastTicks);
  ASSERT_TRUE(queue_.is_slow(1, 0));
  push(2);
  ASSERT_TRUE(queue_.pop(worker_, call_, WorkQueue::kFastTicks));
  EXPECT_FALSE(queue_.expects_worker(WorkQueue::kFastTicks));
}

TEST_F(WorkQueueTest, AWorkerThatCameForNothingIsIdleAndNoMethodIsSlowForIt) {
  push(1);
  ASSERT_TRUE(queue_.reserve(worker_, 0));
  const WorkQueue::WorkerId other = queue_.add_worker();
  ASSERT_TRUE(queue_.pop(other, call_, 0));
  queue_.finish(other, 0);
  queue_.finish(worker_, WorkQueue::kFastTicks);
  EXPECT_FALSE(queue_.expects_worker(WorkQueue::kFastTicks));
  EXPECT_FALSE(queue_.any_stuck(WorkQueue::kFastTicks));
  EXPECT_FALSE(queue_.is_slow(1, 0));
}

// One worker, the event loop's thread, which runs calls of the servers 1 and 2.
class LoopQueueTest : public testing::Test {
 protected:
  LoopQueueTest() : worker_(loop_.add_worker()) {}

  void run(ServerId server, std::uint32_t method, WorkQueue::Tick now) {
    InboundCall call;
    call.key = {1, 1};
    call.server = server;
    call.method = method;
    loop_.push(std::move(call));
    ASSERT_TRUE(loop_.pop(worker_, call, now));
  }

  WorkQueue loop_{0};
  WorkQueue::WorkerId worker_;
};

TEST_F(LoopQueueTest, AMethodIsSlowForItsOwnServerAlone) {
  run(1, 7, 0);
  loop_.finish(worker_, WorkQueue::kFastTicks);
  EXPECT_TRUE(loop_.is_slow(1, 7));
  EXPECT_FALSE(loop_.is_slow(2, 7));
  run(2, 7, 0);
  EXPECT_TRUE(loop_.expects_worker(0));
  loop_.finish(worker_, 0);
  run(1, 7, 0);
  EXPECT_FALSE(loop_.expects_worker(0));
  loop_.forget_methods(1);
  EXPECT_FALSE(loop_.is_slow(1, 7)) << "the server is over";
}

TEST_F(LoopQueueTest, OfWhatItRunsTheCallersOfThatServerAreTold) {
  const TimePoint begin = Clock::now();
  const TimePoint late = begin + WorkQueue::kTellAfter;
  WorkQueue first(1);
  WorkQueue second(2);
  run(2, 7, 0);
  loop_.note_time(begin);
  EXPECT_FALSE(second.update_activity(begin, &loop_)) << "it has only begun";
  EXPECT_FALSE(first.update_activity(late, &loop_));
  EXPECT_TRUE(second.update_activity(late, &loop_));
  EXPECT_EQ(second.activity(), (shm::Activity{7, begin}));
  loop_.finish(worker_, 0);
  EXPECT_TRUE(second.update_activity(late, &loop_));
  EXPECT_FALSE(second.activity().has_value());
}

TEST_F(LoopQueueTest, OfAHandlerOnTheLoopAndOneOnAThreadTheCallersAreToldOfTheOlder) {
  const TimePoint begin = Clock::now();
  const TimePoint late = begin + std::chrono::seconds(1);
  WorkQueue threads(1);
  const WorkQueue::WorkerId thread = threads.add_worker();
  run(1, 7, 0);
  loop_.note_time(begin);
  InboundCall call;
  call.server = 1;
  call.method = 3;
  threads.push(std::move(call));
  ASSERT_TRUE(threads.pop(thread, call, 0));
  threads.note_time(begin + std::chrono::milliseconds(1));
  EXPECT_TRUE(threads.update_activity(late, &loop_));
  EXPECT_EQ(threads.activity()->method, 7U);
  loop_.finish(worker_, 0);
  EXPECT_TRUE(threads.update_activity(late, &loop_));
  EXPECT_EQ(threads.activity()->method, 3U);
}

// One worker, which is at a handler from `begun_` on; times are told to the queue as the watchdog's ticks do.
class SaturatedQueue : public WorkQueueTest {
 protected:
  void begin(std::uint64_t id) {
    push(id);
    ASSERT_TRUE(queue_.pop(worker_, call_, 0));
    update(Duration::zero());
  }
  bool update(Duration after_begin) {
    queue_.note_time(begun_ + after_begin);
    return queue_.update_saturation(begun_ + after_begin);
  }

  const TimePoint begun_ = Clock::now();
};

TEST_F(SaturatedQueue, IsToldOfWhenAllWorkersHaveBeenBusyForLongWhileCallsWait) {
  begin(1);
  push(2);
  EXPECT_EQ(queue_.saturation_due(), begun_ + WorkQueue::kSaturation);
  EXPECT_FALSE(update(WorkQueue::kSaturation / 2));
  EXPECT_TRUE(update(WorkQueue::kSaturation));
}

TEST_F(SaturatedQueue, IsToldOfOnceUntilAHandlerHasEnded) {
  begin(1);
  push(2);
  push(3);
  ASSERT_TRUE(update(WorkQueue::kSaturation));
  EXPECT_FALSE(update(10 * WorkQueue::kSaturation));
  EXPECT_EQ(queue_.saturation_due(), kNever) << "the watchdog may rest";
  queue_.finish(worker_, 0);
  ASSERT_TRUE(queue_.pop(worker_, call_, 0));
  EXPECT_FALSE(update(10 * WorkQueue::kSaturation));
  EXPECT_TRUE(update(11 * WorkQueue::kSaturation));
}

TEST_F(SaturatedQueue, IsLookedAtAgainWhileNoCallWaits) {
  begin(1);
  EXPECT_FALSE(update(WorkQueue::kSaturation));
  EXPECT_EQ(queue_.saturation_due(), begun_ + 2 * WorkQueue::kSaturation);
  push(2);
  EXPECT_TRUE(update(2 * WorkQueue::kSaturation));
}

TEST_F(SaturatedQueue, IsNoneWhileAWorkerIsIdle) {
  queue_.add_worker();
  begin(1);
  push(2);
  EXPECT_FALSE(update(2 * WorkQueue::kSaturation));
  EXPECT_EQ(queue_.saturation_due(), kNever);
}

}  // namespace
}  // namespace ipcbridge
