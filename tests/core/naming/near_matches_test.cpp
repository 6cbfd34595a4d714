#include "core/naming/near_matches.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ipcbridge {
namespace {

TEST(NearMatches, FindWhatWasMeant) {
  const std::vector<std::string> methods = {"add", "subtract", "multiply", "_hidden", "divide", "math.add"};
  EXPECT_EQ(near_matches("ad", methods), std::vector<std::string>{"add"});
  EXPECT_EQ(near_matches("dad", methods), std::vector<std::string>{"add"});
  EXPECT_EQ(near_matches("Substract", methods), std::vector<std::string>{"subtract"});
  EXPECT_TRUE(near_matches("unrelated_name", methods).empty());
  EXPECT_TRUE(near_matches("_hiddn", methods).empty());
  EXPECT_TRUE(near_matches("", {}).empty());
  EXPECT_EQ(near_matches("a", {"b", "c", "d", "e"}).size(), 3U);
  EXPECT_FALSE(near_matches(std::string(100'000, 'x'), {std::string(255, 'x')}).empty());
}

TEST(NearMatches, AreASentence) {
  EXPECT_EQ(did_you_mean("ad", {"add"}), " (did you mean 'add'?)");
  EXPECT_EQ(did_you_mean("ad", {"add", "and"}), " (did you mean 'add' or 'and'?)");
  EXPECT_EQ(did_you_mean("zzz", {"add"}), "");
}

}  // namespace
}  // namespace ipcbridge
