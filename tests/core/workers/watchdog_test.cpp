#include "core/workers/watchdog.hpp"

#include <poll.h>

#include <gtest/gtest.h>

#include "core/base/system.hpp"

namespace ipcbridge {
namespace {

class WatchdogTest : public testing::Test {
 protected:
  // Whether it has been woken since this was last asked.
  bool woken() {
    pollfd bell{watchdog_.bell().fd(), POLLIN, 0};
    const bool rung = ::poll(&bell, 1, 0) == 1;
    watchdog_.bell().silence();
    return rung;
  }

  Watchdog watchdog_{Bell::create(System::real()).value()};
};

TEST_F(WatchdogTest, IsNotRungForWhileItIsAwake) {
  EXPECT_TRUE(watchdog_.call_to_read(true));
  watchdog_.wake_if_needed(true, 7, true);
  EXPECT_FALSE(woken());
}

TEST_F(WatchdogTest, IsWokenOnceASleep) {
  watchdog_.fall_asleep(false, false, 0);
  watchdog_.wake_if_needed(false, 1, false);
  EXPECT_TRUE(woken());
  watchdog_.wake_if_needed(false, 2, false);
  EXPECT_FALSE(woken());
}

TEST_F(WatchdogTest, RestingWakesForCallsThatItHasNotSeenAndForWhatTheCallersWereTold) {
  watchdog_.fall_asleep(false, false, 5);
  watchdog_.wake_if_needed(true, 5, false);
  EXPECT_FALSE(woken());
  watchdog_.wake_if_needed(true, 6, false);
  EXPECT_TRUE(woken());
  watchdog_.fall_asleep(false, false, 6);
  watchdog_.wake_if_needed(true, 6, true);
  EXPECT_TRUE(woken());
}

TEST_F(WatchdogTest, WithATimerSleepsThroughTheCallsThatBegin) {
  watchdog_.fall_asleep(false, true, 5);
  watchdog_.wake_if_needed(true, 6, true);
  EXPECT_FALSE(woken());
}

TEST_F(WatchdogTest, ReadingIsRelievedByAnIdleWorker) {
  watchdog_.fall_asleep(true, true, 0);
  watchdog_.wake_if_needed(false, 0, false);
  EXPECT_FALSE(woken());
  watchdog_.wake_if_needed(true, 0, false);
  EXPECT_TRUE(woken());
}

TEST_F(WatchdogTest, IsCalledToReadUnlessAMessageWakesItAnyway) {
  watchdog_.fall_asleep(true, false, 0);
  EXPECT_FALSE(watchdog_.call_to_read(false));
  EXPECT_FALSE(woken());
  EXPECT_TRUE(watchdog_.call_to_read(true));
  EXPECT_TRUE(woken());
  watchdog_.fall_asleep(false, true, 0);
  EXPECT_TRUE(watchdog_.call_to_read(false));
  EXPECT_TRUE(woken());
}

TEST_F(WatchdogTest, IsWokenToStop) {
  watchdog_.fall_asleep(false, false, 0);
  EXPECT_FALSE(watchdog_.is_stopping());
  watchdog_.stop();
  EXPECT_TRUE(watchdog_.is_stopping());
  EXPECT_TRUE(woken());
}

}  // namespace
}  // namespace ipcbridge
