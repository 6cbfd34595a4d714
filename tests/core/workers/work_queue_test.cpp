#include "core/workers/work_queue.hpp"

#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

class WorkQueueTest : public testing::Test {
 protected:
  WorkQueueTest() { worker_.worker = queue_.add_worker(); }

  void push(std::uint64_t id) {
    Work work;
    work.key = {1, id};
    queue_.push(std::move(work));
  }
  bool cancel(std::uint64_t id) { return queue_.cancel({1, id}); }

  std::vector<std::uint64_t> pop_all() {
    std::vector<std::uint64_t> ids;
    while (queue_.pop(worker_, 0)) {
      ids.push_back(worker_.key.id);
      queue_.finish(worker_.worker, 0);
    }
    return ids;
  }
  std::uint32_t queued() const { return queue_.busy(Clock::now()).queued; }

  WorkQueue queue_;
  Work worker_;
};

using Ids = std::vector<std::uint64_t>;

TEST_F(WorkQueueTest, GivesRequestsInTheirOrderExceptThoseThatWereCancelled) {
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
  ASSERT_TRUE(queue_.pop(worker_, 0));
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

TEST_F(WorkQueueTest, DoesNotTakeOneRequestAfterAnotherForALongOne) {
  push(1);
  ASSERT_TRUE(queue_.pop(worker_, 0));
  EXPECT_TRUE(queue_.any_stuck(WorkQueue::kFastTicks));
  queue_.begin_next(worker_.worker, 0, WorkQueue::kFastTicks);
  EXPECT_FALSE(queue_.any_stuck(WorkQueue::kFastTicks));
  EXPECT_TRUE(queue_.has_just_begun(WorkQueue::kFastTicks));
  queue_.finish(worker_.worker, WorkQueue::kFastTicks);
  queue_.begin_next(worker_.worker, 0, WorkQueue::kFastTicks);
  EXPECT_EQ(queue_.busy(Clock::now()).running, 0U);
}

TEST_F(WorkQueueTest, WantsTicksUntilTheCallersAreToldOfWhatRuns) {
  const TimePoint begin = Clock::now();
  push(1);
  EXPECT_FALSE(queue_.wants_ticks(begin));
  ASSERT_TRUE(queue_.pop(worker_, 0));
  EXPECT_TRUE(queue_.wants_ticks(begin)) << "no tick has seen it";
  queue_.note_time(begin);
  EXPECT_TRUE(queue_.wants_ticks(begin));
  EXPECT_FALSE(queue_.update_activity(begin));
  EXPECT_FALSE(queue_.wants_ticks(begin + WorkQueue::kTellAfter));
  EXPECT_TRUE(queue_.update_activity(begin + WorkQueue::kTellAfter));
  queue_.begin_next(worker_.worker, 0, 0);
  EXPECT_TRUE(queue_.wants_ticks(begin + WorkQueue::kTellAfter)) << "another";
  queue_.finish(worker_.worker, 0);
  EXPECT_FALSE(queue_.wants_ticks(begin));
}

TEST_F(WorkQueueTest, AWorkerThatIsToComeCountsAsBusyButNotAsRunning) {
  EXPECT_FALSE(queue_.promise(worker_.worker, 0)) << "there is nothing to come for";
  push(1);
  EXPECT_TRUE(queue_.wants_worker());
  ASSERT_TRUE(queue_.promise(worker_.worker, 0));
  EXPECT_FALSE(queue_.wants_worker());
  EXPECT_TRUE(queue_.has_just_begun(0));
  EXPECT_TRUE(queue_.all_stuck(WorkQueue::kFastTicks)) << "it has been kept from coming";
  EXPECT_EQ(queue_.busy(Clock::now()).running, 0U);
  const TimePoint begin = Clock::now();
  queue_.note_time(begin);
  EXPECT_TRUE(queue_.wants_ticks(begin));
  EXPECT_FALSE(queue_.update_activity(begin + WorkQueue::kTellAfter)) << "it runs no handler that could be told of";
  push(2);
  EXPECT_TRUE(queue_.wants_worker()) << "for the second";
}

TEST_F(WorkQueueTest, AWorkerWhoseHandlerWaitsHasNotJustBegun) {
  push(1);
  ASSERT_TRUE(queue_.pop(worker_, 0));
  EXPECT_TRUE(queue_.has_just_begun(0));
  queue_.set_waiting(worker_.worker, true);
  EXPECT_FALSE(queue_.has_just_begun(0));
  queue_.set_waiting(worker_.worker, false);
  EXPECT_TRUE(queue_.has_just_begun(0));
}

TEST_F(WorkQueueTest, AWorkerThatCameForNothingIsIdleAndNoMethodIsSlowForIt) {
  push(1);
  ASSERT_TRUE(queue_.promise(worker_.worker, 0));
  Work other;
  other.worker = queue_.add_worker();
  ASSERT_TRUE(queue_.pop(other, 0));
  queue_.finish(other.worker, 0);
  queue_.finish(worker_.worker, WorkQueue::kFastTicks);
  EXPECT_FALSE(queue_.has_just_begun(WorkQueue::kFastTicks));
  EXPECT_FALSE(queue_.any_stuck(WorkQueue::kFastTicks));
  EXPECT_FALSE(queue_.is_slow(0));
}

}  // namespace
}  // namespace ipcbridge
