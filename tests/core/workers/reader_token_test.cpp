#include "core/workers/reader_token.hpp"

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

class ReaderTokenTest : public testing::Test {
 protected:
  // Falls asleep in the line for the token.
  void sleep(Waiter& waiter) {
    ASSERT_TRUE(waiter.fall_asleep());
    token_.line_up(waiter);
  }

  ReaderToken token_;
  Waiter first_;
  Waiter second_;
};

TEST_F(ReaderTokenTest, IsHeldByOneAtATime) {
  EXPECT_TRUE(token_.try_take());
  EXPECT_FALSE(token_.try_take());
  token_.pass_on(true);
  EXPECT_FALSE(token_.is_held()) << "nobody sleeps";
  EXPECT_TRUE(token_.try_take());
}

TEST_F(ReaderTokenTest, GoesToWhoHasSleptLongest) {
  ASSERT_TRUE(token_.try_take());
  sleep(first_);
  sleep(second_);
  token_.pass_on(true);
  EXPECT_TRUE(token_.is_held()) << "for the one that was woken";
  EXPECT_EQ(first_.get_up(), Waiter::kPromoted);
  token_.pass_on(true);
  EXPECT_EQ(second_.get_up(), Waiter::kPromoted);
  token_.pass_on(true);
  EXPECT_FALSE(token_.is_held());
}

TEST_F(ReaderTokenTest, DoesNotGoToWhoHasLeftTheLineOrIsDone) {
  Waiter last;
  ASSERT_TRUE(token_.try_take());
  sleep(first_);
  sleep(second_);
  sleep(last);
  token_.leave_line(first_);
  token_.leave_line(first_);
  second_.finish();
  token_.pass_on(true);
  EXPECT_EQ(first_.get_up(), Waiter::kAsleep);
  EXPECT_EQ(second_.get_up(), Waiter::kDone);
  EXPECT_EQ(last.get_up(), Waiter::kPromoted);
  EXPECT_FALSE(token_.is_wanted());
}

TEST_F(ReaderTokenTest, IsWantedWhileSomebodySleeps) {
  EXPECT_FALSE(token_.is_wanted());
  sleep(first_);
  EXPECT_TRUE(token_.is_wanted());
  token_.leave_line(first_);
  EXPECT_FALSE(token_.is_wanted());
}

TEST_F(ReaderTokenTest, IsUnattendedWhereNeitherAMessageNorACallWakesAnybody) {
  EXPECT_TRUE(token_.is_unattended());
  token_.note_called();
  EXPECT_FALSE(token_.is_unattended());
  ASSERT_TRUE(token_.try_take());
  EXPECT_FALSE(token_.is_unattended());
  token_.pass_on(true);
  EXPECT_FALSE(token_.is_unattended()) << "a message wakes whoever watches";
  ASSERT_TRUE(token_.try_take());
  token_.pass_on(false);
  EXPECT_TRUE(token_.is_unattended());
}

TEST_F(ReaderTokenTest, AnEventConcernsThoseAloneWhoWaitForACondition) {
  Waiter conditional(true);
  sleep(first_);
  sleep(conditional);
  token_.recheck_conditions();
  EXPECT_EQ(first_.get_up(), Waiter::kAsleep);
  EXPECT_EQ(conditional.get_up(), Waiter::kCheckAgain);
}

}  // namespace
}  // namespace ipcbridge
