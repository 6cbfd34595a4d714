#include "core/base/linux/cgroups.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

struct Quota {
  const char* of;                            // in words
  std::string groups;                        // what /proc/self/cgroup says
  std::map<std::string, std::string> files;  // where cgroups are mounted
  std::optional<double> cpus;
};

const std::vector<Quota> kQuotas = {
    {"no cgroups", "", {}, std::nullopt},
    {"version 2", "0::/a\n", {{"a/cpu.max", "150000 100000\n"}}, 1.5},
    {"version 2 without a quota", "0::/a\n", {{"a/cpu.max", "max 100000\n"}}, std::nullopt},
    {"the root, as in a container", "0::/\n", {{"cpu.max", "50000 100000\n"}}, 0.5},
    {"a group around it, which is narrower",
     "0::/a/b\n",
     {{"a/cpu.max", "100000 100000\n"}, {"a/b/cpu.max", "300000 100000\n"}},
     1},
    {"a group around it, which is wider",
     "0::/a/b\n",
     {{"a/cpu.max", "300000 100000\n"}, {"a/b/cpu.max", "100000 100000\n"}},
     1},
    {"a group around one without a quota",
     "0::/a/b\n",
     {{"a/cpu.max", "200000 100000\n"}, {"a/b/cpu.max", "max 100000\n"}},
     2},
    {"a path that leads nowhere", "0::/docker/1234\n", {{"cpu.max", "200000 100000\n"}}, 2},
    {"a path that leads nowhere, without a quota", "0::/docker/1234\n", {}, std::nullopt},
    {"version 1",
     "5:memory:/m\n4:cpu,cpuacct:/a\n",
     {{"cpu/a/cpu.cfs_quota_us", "25000\n"}, {"cpu/a/cpu.cfs_period_us", "100000\n"}},
     0.25},
    {"version 1 without a quota",
     "4:cpuacct,cpu:/a\n",
     {{"cpu/a/cpu.cfs_quota_us", "-1\n"}, {"cpu/a/cpu.cfs_period_us", "100000\n"}},
     std::nullopt},
    {"version 1, in which cpuset and cpuacct are other controllers",
     "4:cpuset,cpuacct:/a\n",
     {{"cpu/a/cpu.cfs_quota_us", "25000\n"}, {"cpu/a/cpu.cfs_period_us", "100000\n"}},
     std::nullopt},
    {"both versions",
     "4:cpu:/a\n0::/b\n",
     {{"cpu/a/cpu.cfs_quota_us", "400000\n"},
      {"cpu/a/cpu.cfs_period_us", "100000\n"},
      {"b/cpu.max", "300000 100000\n"}},
     3},
    {"nonsense", "cgroup\n0:\n\n0::/a\n", {{"a/cpu.max", "100000\n"}, {"cpu.max", "1 0\n"}}, std::nullopt},
};

TEST(CpuQuota, IsTheLeastOfAllCgroupsThatHaveOne) {
  for (const Quota& quota : kQuotas) {
    const testing_support::TemporaryDirectory root;
    for (const auto& [file, text] : quota.files) {
      std::filesystem::create_directories(std::filesystem::path(root / file).parent_path());
      std::ofstream(root / file) << text;
    }
    std::ofstream(root / "groups") << quota.groups;
    EXPECT_EQ(cpu_quota(root.path(), root / "groups"), quota.cpus) << quota.of;
  }
}

}  // namespace
}  // namespace ipcbridge
