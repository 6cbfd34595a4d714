#include "core/workers/watch_pace.hpp"

#include <optional>

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

constexpr WatchPace::Sample kFast{.taken = true};
constexpr WatchPace::Sample kSlow{.wanted = true, .taken = true, .slow = true};

void calm_down(WatchPace& pace) {
  for (int i = 0; i < WatchPace::kCalmSamples; ++i) EXPECT_EQ(pace.after(kFast), WatchPace::kTick) << i;
  ASSERT_EQ(pace.after(kFast), WatchPace::kCalmTick);
}

TEST(WatchPace, LooksAgainSoonAtAHandlerThatHasBegunButNeverTwiceInARow) {
  WatchPace pace;
  constexpr WatchPace::Sample begun{.wanted = true, .taken = true, .begun = true};
  EXPECT_EQ(pace.after(begun), WatchPace::kSecondSample);
  EXPECT_EQ(pace.after(begun), WatchPace::kTick);
  EXPECT_EQ(pace.after(begun), WatchPace::kSecondSample);
}

TEST(WatchPace, LooksMoreSeldomWhileOnlyFastHandlersRunUntilTheFirstSlowOne) {
  WatchPace pace;
  calm_down(pace);
  EXPECT_EQ(pace.after(kFast), WatchPace::kCalmTick);
  EXPECT_EQ(pace.after(kSlow), WatchPace::kTick);
  calm_down(pace);
}

TEST(WatchPace, LooksAgainSoonAtAHandlerThatHasBegunAlsoInACalm) {
  WatchPace pace;
  calm_down(pace);
  EXPECT_EQ(pace.after({.wanted = true, .taken = true, .begun = true}), WatchPace::kSecondSample);
  EXPECT_EQ(pace.after(kFast), WatchPace::kCalmTick);
}

TEST(WatchPace, RestsWhenThereHasBeenNothingToSeeForAWhileAndBeginsAnew) {
  WatchPace pace;
  calm_down(pace);
  for (int i = 0; i < WatchPace::kQuietSamples; ++i) EXPECT_EQ(pace.after({}), WatchPace::kTick) << i;
  EXPECT_EQ(pace.after({}), std::nullopt);
  calm_down(pace);
}

TEST(WatchPace, DoesNotRestWhileAHandlerRunsThatTheCallersMayHaveToBeToldOf) {
  WatchPace pace;
  for (int i = 0; i < 2 * WatchPace::kQuietSamples; ++i) {
    EXPECT_NE(pace.after({.wanted = true, .slow = true}), std::nullopt) << i;
  }
}

}  // namespace
}  // namespace ipcbridge
