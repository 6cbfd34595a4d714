// What a LoopReader lends to the threads of its pools.
#include <poll.h>

#include <array>
#include <cstdint>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "core/base/bell.hpp"
#include "core/workers/loop_reader.hpp"
#include "tests/core/workers/loop_reader_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::run_until;

class LentReadingTest : public LoopReaderTest {
 protected:
  static constexpr int kThreadCallsInARow = 16;

  // So many calls for threads that the loop lends the reading when it sleeps.
  void lend() {
    for (int i = 0; i < kThreadCallsInARow; ++i) {
      call("plain", "p");
      run();
      EXPECT_EQ(take_from_pool(), "p");
    }
    sleep();
  }
  void sleep() {
    while (!reader_.prepare_sleep(*driver_)) run();
  }
  bool is_woken() const {
    pollfd descriptor{driver_->fd(), POLLIN, 0};
    return ::poll(&descriptor, 1, 0) > 0;
  }
};

TEST_F(LentReadingTest, AThreadReadsWhileTheLoopSleeps) {
  lend();
  call("plain", "p");
  EXPECT_TRUE(reader_.read_for(*pool_));
  EXPECT_EQ(take_from_pool(), "p");
  EXPECT_FALSE(reader_.read_for(*pool_)) << "there is nothing more";
  call("plain", "another");
  EXPECT_TRUE(reader_.read_for(*pool_));
  EXPECT_EQ(take_from_pool(), "another");
}

TEST_F(LentReadingTest, NoThreadReadsBeforeManyCallsInARowWereForThreads) {
  call("plain", "p");
  run();
  sleep();
  EXPECT_FALSE(reader_.read_for(*pool_));
  lend();
  call("async", "a");
  run();
  EXPECT_EQ(take(), "a");
  sleep();
  EXPECT_FALSE(reader_.read_for(*pool_)) << "the next is likely to be for the loop, too";
}

TEST_F(LentReadingTest, NoThreadReadsWhileTheLoopIsAwake) {
  lend();
  run();
  EXPECT_FALSE(reader_.read_for(*pool_));
}

TEST_F(LentReadingTest, TheLoopIsWokenForWhatAThreadHasReadForIt) {
  lend();
  call("async", "a");
  EXPECT_TRUE(reader_.read_for(*pool_));
  EXPECT_TRUE(is_woken());
  EXPECT_FALSE(reader_.prepare_sleep(*driver_));
  EXPECT_TRUE(reader_.run(*driver_));
  EXPECT_EQ(take(), "a");
  run();
  EXPECT_FALSE(reader_.has_calls());
}

TEST_F(LentReadingTest, TheLoopIsToldOfEventsThatAThreadHasRead) {
  const std::uint64_t token = call("plain", "p");
  run();
  EXPECT_EQ(take_from_pool(), "p");
  lend();
  clients_.driver().cancel(client_, token);
  clients_.run();
  EXPECT_TRUE(reader_.read_for(*pool_));
  EXPECT_TRUE(reader_.run(*driver_));
  ASSERT_EQ(batch_.size(), 1U);
  EXPECT_EQ(batch_.row(0).words[EventRow::kKind], static_cast<std::uint32_t>(EventKind::kCancel));
}

TEST_F(LentReadingTest, TheLoopIsWokenToCallThreadsOfOtherPools) {
  lend();
  call("plain", "p");
  HandlerPool other(1);
  EXPECT_TRUE(reader_.read_for(other));
  EXPECT_TRUE(is_woken());
  EXPECT_TRUE(reader_.run(*driver_));
  EXPECT_TRUE(reader_.has_read_calls());
  EXPECT_EQ(take_from_pool(), "p");
}

// Calls of both kinds, and a loop that is woken for something else now and then: each call is run, by one of both.
TEST_F(LentReadingTest, NoCallIsStranded) {
  constexpr int kCalls = 20'000;
  const Bell stop = std::move(Bell::create(System::real())).value();
  const Bell visit = std::move(Bell::create(System::real())).value();
  const auto answer = [&](const InboundCall& call) { driver_->reply(call.key, call.payload); };
  std::thread handler;
  const auto handle = [&] {
    HandlerPool::Thread self(*pool_);
    while (self.wait([&] { return reader_.read_for(*pool_); })) {
      for (InboundCall call; self.take(call);) answer(call);
    }
  };
  std::thread loop([&] {
    std::array<pollfd, 3> descriptors{{{driver_->fd(), POLLIN, 0}, {visit.fd(), POLLIN, 0}, {stop.fd(), POLLIN, 0}}};
    while (descriptors[2].revents == 0) {
      if (descriptors[1].revents == 0) {
        bool more = true;
        while (more) {
          more = reader_.run(*driver_);
          for (InboundCall call; reader_.take(call);) answer(call);
          if (pool_->call_thread()) handler = std::thread(handle);
        }
        if (!reader_.prepare_sleep(*driver_)) continue;
      }
      ::poll(descriptors.data(), descriptors.size(), -1);
      if (descriptors[1].revents != 0) {
        visit.silence();
        reader_.take_reading_back();
      }
    }
    reader_.take_reading_back();
  });
  for (int i = 1; i <= kCalls; ++i) {
    const std::uint64_t token = clients_.call(client_, "p", {}, i % 64 == 0 ? "async" : "plain");
    if (i % 20 == 0) visit.ring();
    if (i % 16 < 12 && !run_until({&clients_}, [&] { return clients_.ended(token); })) break;
  }
  EXPECT_TRUE(run_until({&clients_}, [&] { return clients_.outcomes.size() == kCalls; }));
  stop.ring();
  loop.join();
  pool_->stop();
  handler.join();
}

}  // namespace
}  // namespace ipcbridge
