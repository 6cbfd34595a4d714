#include "core/workers/stream_queue.hpp"

#include <poll.h>

#include <memory>
#include <new>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/system.hpp"
#include "core/workers/stream_table.hpp"
#include "tests/core/support/failing_memory.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::bytes_of;
using testing_support::FailingMemory;
using testing_support::text_of;

const StreamKey kKey{1, 2};

StreamItemsEvent items(const Buffer& bytes) { return {kKey, 1, bytes, nullptr}; }

StreamEndEvent end(Code code = Code::kOk) {
  StreamEndEvent event{kKey, {}, nullptr};
  event.outcome.code = code;
  event.outcome.message = "why";
  return event;
}

TEST(StreamQueue, GivesWhatWasPutInItsOrder) {
  StreamQueue queue(kKey);
  const Buffer first = bytes_of("one");
  MessageStorage second{ByteBlock(bytes_of("two")), {}};
  queue.put(items(first));
  queue.put({kKey, 1, second.body, &second});
  StreamQueue::Batch batch;
  ASSERT_TRUE(queue.take(batch));
  EXPECT_EQ(text_of(Buffer(batch.items.begin(), batch.items.end())), "one");
  EXPECT_EQ(batch.bytes, kItemsPrefixBytes + 3);
  ASSERT_TRUE(queue.take(batch));
  EXPECT_EQ(text_of(Buffer(batch.items.begin(), batch.items.end())), "two");
  EXPECT_FALSE(queue.take(batch));
}

TEST(StreamQueue, GivesWhatHasComeMeanwhileAtOnce) {
  StreamQueue queue(kKey);
  queue.put(items(bytes_of("one")));
  queue.put(items(bytes_of("two")));
  StreamQueue::Batch batch;
  ASSERT_TRUE(queue.take(batch));
  EXPECT_EQ(text_of(Buffer(batch.items.begin(), batch.items.end())), "onetwo");
  EXPECT_EQ(batch.count, 2U);
  EXPECT_EQ(batch.bytes, 2 * (kItemsPrefixBytes + 3));
  EXPECT_FALSE(queue.take(batch));
}

TEST(StreamQueue, HasEndedWhenAllThatPrecedesTheEndIsTaken) {
  StreamQueue queue(kKey);
  queue.put(items(bytes_of("x")));
  queue.end(end(Code::kAborted));
  EXPECT_FALSE(queue.has_ended());
  StreamQueue::Batch batch;
  ASSERT_TRUE(queue.take(batch));
  EXPECT_TRUE(queue.has_ended());
  EXPECT_EQ(queue.how().code, Code::kAborted);
  EXPECT_EQ(queue.how().message, "why");
}

TEST(StreamQueue, KeepsNothingWhenItIsClosed) {
  StreamQueue queue(kKey);
  queue.put(items(bytes_of("x")));
  queue.close();
  queue.put(items(bytes_of("y")));
  StreamQueue::Batch batch;
  EXPECT_FALSE(queue.take(batch));
  EXPECT_TRUE(queue.has_ended());
}

TEST(StreamQueue, WakesWhoeverWaits) {
  for (const int what : {0, 1, 2}) {
    StreamQueue queue(kKey);
    Waiter waiter;
    ASSERT_TRUE(queue.wait_with(waiter).value());
    std::thread other([&] {
      if (what == 0) queue.put(items(bytes_of("x")));
      if (what == 1) queue.end(end());
      if (what == 2) queue.close();
    });
    while (waiter.fall_asleep()) waiter.sleep(System::real(), kNever);
    queue.stop_waiting(waiter);
    other.join();
    EXPECT_EQ(queue.has_ended(), what != 0);
  }
}

TEST(StreamQueue, DoesNotKeepAWaiterForWhatIsThere) {
  StreamQueue queue(kKey);
  queue.put(items(bytes_of("x")));
  Waiter waiter;
  EXPECT_FALSE(queue.wait_with(waiter).value());
  EXPECT_FALSE(waiter.is_done());
}

TEST(StreamQueue, HasOneWaiter) {
  StreamQueue queue(kKey);
  Waiter one;
  Waiter other;
  ASSERT_TRUE(queue.wait_with(one).ok());
  EXPECT_EQ(queue.wait_with(other).error().code, Code::kFailedPrecondition);
  queue.stop_waiting(other);
  EXPECT_FALSE(queue.wait_with(other).ok());
  queue.stop_waiting(one);
  EXPECT_TRUE(queue.wait_with(other).ok());
}

std::shared_ptr<StreamArrivals> arrivals() { return StreamArrivals::create(System::real()).value(); }

TEST(StreamQueue, TellsAnEventLoopOnceForEachTimeThatItWaits) {
  const std::shared_ptr<StreamArrivals> loop = arrivals();
  StreamQueue queue(kKey);
  ASSERT_TRUE(queue.tell(loop).value());
  ASSERT_TRUE(queue.tell(loop).value());
  EXPECT_TRUE(loop->take().empty());
  queue.put(items(bytes_of("x")));
  EXPECT_EQ(loop->take(), std::vector{kKey});
  EXPECT_FALSE(queue.tell(loop).value());
  StreamQueue::Batch batch;
  ASSERT_TRUE(queue.take(batch));
  queue.put(items(bytes_of("y")));
  EXPECT_TRUE(loop->take().empty());
  ASSERT_TRUE(queue.take(batch));
  ASSERT_TRUE(queue.tell(loop).value());
  queue.stop_telling();
  queue.close();
  EXPECT_TRUE(loop->take().empty());
}

TEST(StreamQueue, HasOneWaiterWhetherAThreadOrAnEventLoop) {
  const std::shared_ptr<StreamArrivals> loop = arrivals();
  StreamQueue queue(kKey);
  Waiter thread;
  ASSERT_TRUE(queue.tell(loop).ok());
  EXPECT_EQ(queue.wait_with(thread).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(queue.tell(arrivals()).error().code, Code::kFailedPrecondition);
  queue.stop_telling();
  ASSERT_TRUE(queue.wait_with(thread).ok());
  EXPECT_EQ(queue.tell(loop).error().code, Code::kFailedPrecondition);
}

bool is_readable(const StreamArrivals& loop) {
  pollfd descriptor{loop.fd(), POLLIN, 0};
  return ::poll(&descriptor, 1, 0) == 1;
}

TEST(StreamArrivals, AreReadableWhileSomethingIsToBeTaken) {
  const std::shared_ptr<StreamArrivals> loop = arrivals();
  for (int round = 0; round < 2; ++round) {
    std::vector<StreamKey> told;
    for (std::uint64_t id = 1; id <= 100; ++id) loop->expect();
    for (std::uint64_t id = 1; id <= 100; ++id) {
      told.push_back({1, id});
      loop->tell(told.back());
    }
    EXPECT_TRUE(is_readable(*loop));
    EXPECT_EQ(loop->take(), told);
    EXPECT_FALSE(is_readable(*loop));
  }
}

TEST(StreamArrivals, AreThereStillWhenThereWasNoMemoryToTakeThem) {
  const std::shared_ptr<StreamArrivals> loop = arrivals();
  loop->expect();
  loop->tell(kKey);
  {
    const FailingMemory memory(0, 1);
    const FailingMemory::Armed armed;
    EXPECT_THROW(loop->take(), std::bad_alloc);
  }
  EXPECT_TRUE(is_readable(*loop));
  EXPECT_EQ(loop->take(), std::vector{kKey});
}

TEST(StreamTable, GivesTheStreamsOfACallOnce) {
  StreamTable table;
  const RequestKey call{1, 1};
  table.open_arguments(call, {2, 2});
  const StreamTable::Queues queues = table.take_arguments(call);
  ASSERT_EQ(queues.size(), 2U);
  EXPECT_TRUE(queues[1]->key() == (StreamKey{1, 3}));
  EXPECT_TRUE(table.take_arguments(call).empty());
}

TEST(StreamTable, BringsEachStreamItsOwnAndNothingAfterItsEnd) {
  StreamTable table;
  const StreamTable::Queues queues = table.open(1, {2, 2});
  table.put(items(bytes_of("x")));
  table.end(end());
  table.put(items(bytes_of("y")));
  StreamQueue::Batch batch;
  EXPECT_FALSE(queues[1]->take(batch));
  ASSERT_TRUE(queues[0]->take(batch));
  EXPECT_FALSE(queues[0]->take(batch));
  EXPECT_TRUE(queues[0]->has_ended());
}

TEST(StreamTable, KnowsWhoMakesAStreamUntilItIsFinished) {
  StreamTable table;
  table.begin(kKey, 2, {7, 3, nullptr});
  EXPECT_EQ(table.origin({1, 3})->server, 7U);
  table.finish({1, 3});
  EXPECT_FALSE(table.origin({1, 3}).has_value());
  EXPECT_EQ(table.origin(kKey)->method, 3U);
}

}  // namespace
}  // namespace ipcbridge
