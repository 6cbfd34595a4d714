#include "core/shm/pages_in_use.hpp"

#include <gtest/gtest.h>

namespace ipcbridge::shm {
namespace {

TEST(PagesInUse, OnePageHasOneUserAtATime) {
  PagesInUse pages;
  EXPECT_TRUE(pages.enter(4096, 8192));
  EXPECT_FALSE(pages.enter(4096, 1));
  EXPECT_FALSE(pages.enter(8192, 4096)) << "its last page";
  EXPECT_FALSE(pages.enter(12'287, 1));
  EXPECT_FALSE(pages.enter(0, 4097)) << "from before it into it";
  EXPECT_FALSE(pages.enter(0, 100'000)) << "around it";
  EXPECT_FALSE(pages.enter(5'000, 0)) << "what is empty is in a page as well";
  EXPECT_TRUE(pages.enter(0, 4096));
  EXPECT_TRUE(pages.enter(12'288, 1));
  EXPECT_FALSE(pages.enter(13'000, 1));
  pages.leave(4096);
  EXPECT_TRUE(pages.enter(5'000, 100));
  EXPECT_FALSE(pages.enter(4096, 10));
  pages.leave(5'000);
  EXPECT_TRUE(pages.enter(4096, 8192));
}

}  // namespace
}  // namespace ipcbridge::shm
