#include "core/naming/members.hpp"

#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::TemporaryDirectory;

void make(const std::string& path) { const std::ofstream file(path); }

TEST(Members, AreFoundBesideThePathInTheOrderOfTheirNumbers) {
  const TemporaryDirectory directory;
  const std::string path = directory / "calc.sock";
  EXPECT_TRUE(find_members(path).empty());
  for (const std::uint32_t number : {10U, 2U, kMostMembers}) make(path + member_suffix(number));
  EXPECT_EQ(find_members(path), (std::vector<std::uint32_t>{2, 10, kMostMembers}));
}

TEST(Members, AreNotWhateverElseLooksLikeThem) {
  const TemporaryDirectory directory;
  const std::string path = directory / "calc.sock";
  for (const char* other : {"", ".lock", "@1.lock", "@", "@0", "@01", "@+1", "@1025", "@99999999999", "@1x", "-1"}) {
    make(path + other);
  }
  make(directory / "other.sock@1");
  EXPECT_TRUE(find_members(path).empty());
}

TEST(Members, OfADirectoryThatIsMissingThereAreNone) { EXPECT_TRUE(find_members("/nowhere/calc.sock").empty()); }

}  // namespace
}  // namespace ipcbridge
