#include <gtest/gtest.h>

#include "core/rpc/stream.hpp"

namespace ipcbridge {
namespace {

constexpr std::uint64_t kWindow = 1000;

StreamWindow window_of_bytes() {
  Limits limits;
  limits.stream_window_bytes = kWindow;
  return StreamWindow(limits);
}

TEST(StreamWindow, GrantsWhatHasBeenTakenWhenHalfOfItIsUsedUp) {
  StreamWindow window = window_of_bytes();
  ASSERT_TRUE(window.receive(1, 400, 0));
  EXPECT_EQ(window.consume(1, 400), std::nullopt);
  ASSERT_TRUE(window.receive(1, 200, 0));
  EXPECT_EQ(window.consume(1, 200)->bytes, 600 + kWindow);
  EXPECT_TRUE(window.all_consumed());
}

TEST(StreamWindow, LetsTwoMoreMessagesComeOfWhatIsInMemoryOfTheSender) {
  StreamWindow window = window_of_bytes();
  ASSERT_TRUE(window.receive(1, 5000, 4900));
  EXPECT_FALSE(window.receive(1, 1, 0)) << "it has used up the window";
  EXPECT_EQ(window.consume(1, 5000)->bytes, 5000 + kWindow + 2 * 4900);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(window.receive(1, 5000, 4900)) << i;
  EXPECT_FALSE(window.receive(1, 5000, 4900));
}

TEST(StreamWindow, LetsNothingMoreComeWhereItHoldsSeveralMessages) {
  StreamWindow window = window_of_bytes();
  ASSERT_TRUE(window.receive(1, 400, 400));
  ASSERT_TRUE(window.receive(1, 400, 400));
  EXPECT_EQ(window.consume(2, 800)->bytes, 800 + kWindow);
}

TEST(StreamWindow, LetsNotTooMuchOfItCome) {
  StreamWindow window = window_of_bytes();
  const std::uint64_t huge = 1ULL << 40U;
  ASSERT_TRUE(window.receive(1, huge, huge));
  EXPECT_EQ(window.consume(1, huge)->bytes, huge + kWindow + 64 * 1024 * 1024);
}

TEST(StreamWindow, TellsOfNoGrantThatIsNoNews) {
  StreamWindow window = window_of_bytes();
  ASSERT_TRUE(window.receive(1, 5000, 4900));
  ASSERT_TRUE(window.consume(1, 5000));
  ASSERT_TRUE(window.receive(1, 100, 0));
  EXPECT_EQ(window.consume(1, 100), std::nullopt) << "less than was granted for the large one";
}

}  // namespace
}  // namespace ipcbridge
