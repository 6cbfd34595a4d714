#include "core/naming/method_index.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

TEST(MethodIndexTest, FindsEachNameAtItsPlaceInTheList) {
  const std::vector<std::string> methods{"sub", "add", "math.add", "", "ad"};
  const MethodIndex index(methods);
  for (std::uint32_t i = 0; i < methods.size(); ++i) EXPECT_EQ(index.find(methods[i]), i) << methods[i];
}

TEST(MethodIndexTest, FindsNothingElse) {
  const std::vector<std::string> methods{"b", "d"};
  const MethodIndex index(methods);
  for (const char* name : {"a", "c", "e", ""}) EXPECT_EQ(index.find(name), std::nullopt) << name;
  EXPECT_EQ(MethodIndex().find("b"), std::nullopt);
}

TEST(MethodIndexTest, FindsTheFirstOfEqualNames) {
  const std::vector<std::string> methods{"b", "a", "b", "a", "b"};
  const MethodIndex index(methods);
  EXPECT_EQ(index.find("a"), 1U);
  EXPECT_EQ(index.find("b"), 0U);
}

}  // namespace
}  // namespace ipcbridge
