#include <gtest/gtest.h>

#include "core/base/linux/id_maps.hpp"

namespace ipcbridge {
namespace {

constexpr const char* kAll = "         0          0 4294967295\n";
constexpr const char* kRootOnly = "         0       1000          1\n";
constexpr const char* kContainer = "         0       1000          1\n         1     100000      65536\n";

TEST(KnownIdsTest, WhereAllAreMappedTheOverflowIdIsOneLikeTheOthers) {
  const KnownIds ids = parse_id_maps(kAll, "65534\n", kAll, "65534\n");
  EXPECT_TRUE(ids.is_user(65534));
  EXPECT_TRUE(ids.is_group(65534));
  EXPECT_TRUE(ids.is_user(0));
}

TEST(KnownIdsTest, InANamespaceWithGapsTheOverflowIdIsNobody) {
  for (const char* map : {"", kRootOnly, kContainer}) {
    const KnownIds ids = parse_id_maps(map, "65534\n", map, "65534\n");
    EXPECT_FALSE(ids.is_user(65534)) << map;
    EXPECT_FALSE(ids.is_group(65534)) << map;
    EXPECT_TRUE(ids.is_user(1000)) << map;
    EXPECT_TRUE(ids.is_user(0)) << map;
  }
}

TEST(KnownIdsTest, UsersAndGroupsAreMappedApart) {
  const KnownIds ids = parse_id_maps(kAll, "65534\n", kRootOnly, "65534\n");
  EXPECT_TRUE(ids.is_user(65534));
  EXPECT_FALSE(ids.is_group(65534));
}

TEST(KnownIdsTest, TheOverflowIdIsWhatTheMachineSays) {
  const KnownIds ids = parse_id_maps(kRootOnly, "99\n", kRootOnly, "98\n");
  EXPECT_FALSE(ids.is_user(99));
  EXPECT_FALSE(ids.is_group(98));
  EXPECT_TRUE(ids.is_user(65534));
}

TEST(KnownIdsTest, ManyRangesMayMakeUpAll) {
  const KnownIds ids = parse_id_maps("0 1000 1\n1 0 1000\n1001 1001 4294966294\n", "65534", kAll, "65534");
  EXPECT_TRUE(ids.is_user(65534));
}

TEST(KnownIdsTest, WithoutProcTheOverflowIdIsNobody) {
  const KnownIds ids = parse_id_maps("", "", "", "");
  EXPECT_FALSE(ids.is_user(65534));
  EXPECT_FALSE(ids.is_group(65534));
}

}  // namespace
}  // namespace ipcbridge
