#include <poll.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "core/reactor/poller.hpp"
#include "core/reactor/spin.hpp"
#include "core/reactor/timer_queue.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using Kind = TimerQueue::Kind;
constexpr TimePoint at(int milliseconds) { return TimePoint(std::chrono::milliseconds(milliseconds)); }

TEST(Timers, AreDueInTheOrderOfTime) {
  std::mt19937 random(1);
  TimerQueue queue;
  std::vector<int> times;
  for (int i = 0; i < 1000; ++i) {
    times.push_back(static_cast<int>(random() % 500));
    queue.add({at(times.back()), Kind::kCall, 1, static_cast<std::uint64_t>(times.back())});
  }
  std::sort(times.begin(), times.end());
  EXPECT_EQ(queue.next(), at(times.front()));
  TimerQueue::Timer timer;
  for (const int time : times) {
    EXPECT_FALSE(queue.pop_due(at(time - 1), timer));
    ASSERT_TRUE(queue.pop_due(at(time), timer));
    EXPECT_EQ(timer.token, static_cast<std::uint64_t>(time));
  }
  EXPECT_FALSE(queue.pop_due(kNever, timer));
  EXPECT_EQ(queue.next(), kNever);
}

TEST(Timers, ThatAreNeverDueAreNotKept) {
  TimerQueue queue;
  queue.add({kNever, Kind::kCall, 1, 1});
  EXPECT_EQ(queue.next(), kNever);
}

TEST(Timers, OfFinishedCallsAreSweptWhenTheyMayBeTheMajority) {
  TimerQueue queue;
  const auto add = [&](std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i) queue.add({at(static_cast<int>(i)), Kind::kCall, 1, i});
  };
  add(0, 1000);
  queue.prune([](const TimerQueue::Timer&) { return false; });
  EXPECT_EQ(queue.next(), at(0)) << "so few are not worth it";
  add(1000, 4000);
  queue.prune([](const TimerQueue::Timer& timer) { return timer.token >= 2000; });
  EXPECT_EQ(queue.next(), at(2000));
  add(4000, 5999);
  queue.prune([](const TimerQueue::Timer&) { return false; });
  EXPECT_EQ(queue.next(), at(2000)) << "most of them were alive a moment ago";
  add(5999, 6000);
  queue.prune([](const TimerQueue::Timer& timer) { return timer.token >= 5990; });
  TimerQueue::Timer timer;
  for (std::uint64_t i = 5990; i < 6000; ++i) {
    ASSERT_TRUE(queue.pop_due(kNever, timer));
    EXPECT_EQ(timer.token, i);
  }
  EXPECT_EQ(queue.next(), kNever);
}

TEST(Spin, IsNotDoneWhereItIsForbidden) {
  AdaptiveSpin spin(false);
  EXPECT_EQ(spin.budget(1), Duration::zero());
}

TEST(Spin, IsLongerWhereMoreConnectionsWouldFallAsleep) {
  AdaptiveSpin spin(true);
  EXPECT_EQ(spin.budget(1000) - spin.budget(1), 999 * kArmCost);
}

TEST(Spin, IsGivenUpAfterMissesAndProbedNowAndThen) {
  AdaptiveSpin spin(true);
  EXPECT_EQ(spin.budget(1), kWakeCost + kArmCost);
  int spins = 0;
  for (int i = 0; i < 10'000; ++i) {
    if (spin.budget(1) == Duration::zero()) continue;
    ++spins;
    spin.missed();
  }
  EXPECT_GE(spins, 10'000 / 64 - 10);
  EXPECT_LE(spins, 10'000 / 64 + 20);
}

TEST(Spin, ReturnsWhenItCatches) {
  AdaptiveSpin spin(true);
  for (int i = 0; i < 100; ++i) spin.missed();
  spin.caught();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(spin.budget(1), kWakeCost + kArmCost);
    spin.missed();
  }
}

TEST(Pollers, AreReadableWhenRungOrDueAndSilentAfterwards) {
  Result<Poller> made = Poller::create(System::real());
  ASSERT_TRUE(made.ok());
  Poller& poller = made.value();
  std::array<std::uint64_t, 8> tokens{};
  EXPECT_FALSE(testing_support::is_readable(poller.fd()));
  poller.ring();
  EXPECT_TRUE(testing_support::is_readable(poller.fd()));
  EXPECT_EQ(poller.poll(tokens).size(), 1U);
  EXPECT_FALSE(testing_support::is_readable(poller.fd()));
  poller.wake_at(Clock::now());
  EXPECT_TRUE(testing_support::wait_for(poller.fd(), POLLIN));
  EXPECT_EQ(poller.poll(tokens).size(), 1U);
  EXPECT_FALSE(testing_support::is_readable(poller.fd()));
  poller.wake_at(Clock::now() + std::chrono::hours(1));
  poller.wake_at(Clock::now());
  EXPECT_TRUE(testing_support::wait_for(poller.fd(), POLLIN)) << "an earlier time replaces a later one";
}

}  // namespace
}  // namespace ipcbridge
