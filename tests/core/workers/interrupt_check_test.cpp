#include "core/workers/interrupt_check.hpp"

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

using std::chrono::milliseconds;

// Far more than the turns after which the clock is read.
constexpr int kManyTurns = 10'000;

class InterruptCheckTest : public testing::Test {
 protected:
  // Where no time passes by itself.
  class Stopped final : public System {
   public:
    TimePoint now() override { return time; }
    TimePoint time = TimePoint{} + std::chrono::hours(1);
  };

  void pass(Duration time) { system_.time += time; }
  TimePoint now() { return system_.now(); }
  bool after_sleep(bool woken) { return check_.is_due_after_sleep(woken) && check_.ask(); }
  bool after_messages() { return check_.is_due_after_messages() && check_.ask(); }
  // How often it asks while messages keep the thread busy.
  int asked_in_many_turns() {
    const int before = asked_;
    for (int i = 0; i < kManyTurns; ++i) EXPECT_FALSE(after_messages());
    return asked_ - before;
  }

  Stopped system_;
  int asked_ = 0;
  bool answer_ = false;
  Interrupted interrupted_ = [this] {
    ++asked_;
    return answer_;
  };
  InterruptCheck check_{system_, interrupted_};
};

TEST_F(InterruptCheckTest, AsksAfterEachSleepThatNothingElseEnded) {
  static_cast<void>(check_.limit(kNever));
  EXPECT_FALSE(after_sleep(false));
  EXPECT_FALSE(after_sleep(false));
  EXPECT_EQ(asked_, 2);
  answer_ = true;
  EXPECT_TRUE(after_sleep(false));
}

TEST_F(InterruptCheckTest, AsksInEachSliceOfTimeAlthoughItIsAlwaysWoken) {
  for (int slice = 1; slice <= 3; ++slice) {
    for (int i = 0; i < 10; ++i) {
      static_cast<void>(check_.limit(kNever));
      EXPECT_FALSE(after_sleep(true));
      EXPECT_EQ(asked_, slice - 1);
      pass(milliseconds(10));
    }
    EXPECT_FALSE(after_sleep(true));
    EXPECT_EQ(asked_, slice);
  }
  pass(milliseconds(100));
  answer_ = true;
  EXPECT_TRUE(after_sleep(true));
}

TEST_F(InterruptCheckTest, AsksInEachSliceOfTimeAlthoughMessagesKeepItFromSleeping) {
  EXPECT_EQ(asked_in_many_turns(), 1) << "a signal may have come before the wait";
  pass(milliseconds(99));
  EXPECT_EQ(asked_in_many_turns(), 0);
  pass(milliseconds(1));
  EXPECT_EQ(asked_in_many_turns(), 1);
  pass(milliseconds(100));
  answer_ = true;
  bool interrupted = false;
  for (int i = 0; i < kManyTurns && !interrupted; ++i) interrupted = after_messages();
  EXPECT_TRUE(interrupted);
}

TEST_F(InterruptCheckTest, LetsASleepLastASecondAndNotBeyondItsDeadline) {
  EXPECT_EQ(check_.limit(kNever), now() + std::chrono::seconds(1));
  EXPECT_EQ(check_.limit(now() + milliseconds(5)), now() + milliseconds(5));
}

TEST_F(InterruptCheckTest, LeavesAWaitAloneThatNobodyInterrupts) {
  const Interrupted nobody;
  InterruptCheck check(system_, nobody);
  EXPECT_EQ(check.limit(kNever), kNever);
  EXPECT_FALSE(check.is_due_after_sleep(false));
  for (int i = 0; i < kManyTurns; ++i) ASSERT_FALSE(check.is_due_after_messages());
}

}  // namespace
}  // namespace ipcbridge
