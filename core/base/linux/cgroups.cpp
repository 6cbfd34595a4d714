#include "core/base/linux/cgroups.hpp"

#include <cstddef>
#include <cstdint>
#include <fstream>

namespace ipcbridge {
namespace {

std::optional<std::int64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  return file >> number ? std::optional(number) : std::nullopt;
}

std::optional<double> ratio(std::optional<std::int64_t> quota, std::optional<std::int64_t> period) {
  if (quota.value_or(0) <= 0 || period.value_or(0) <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

// Version 1 of cgroups: -1 for no quota; both in microseconds.
std::optional<double> quota_of_v1(const std::string& group) {
  return ratio(number_in(group + "/cpu.cfs_quota_us"), number_in(group + "/cpu.cfs_period_us"));
}

// Version 2: "max 100000" or "<quota> <period>".
std::optional<double> quota_of_v2(const std::string& group) {
  std::ifstream file(group + "/cpu.max");
  std::int64_t quota = 0;
  std::int64_t period = 0;
  return file >> quota >> period ? ratio(quota, period) : std::nullopt;
}

// The least of a cgroup's and of those around it. In a container its own is the root, and the path may lead nowhere.
std::optional<double> least_quota(const std::string& root, std::string path,
                                  std::optional<double> (*quota_of)(const std::string&)) {
  std::optional<double> least;
  for (;; path.resize(path.rfind('/'))) {
    const std::optional<double> quota = quota_of(root + path);
    if (quota && *quota < least.value_or(*quota + 1)) least = quota;
    if (path.rfind('/') == std::string::npos) return least;
  }
}

}  // namespace

// Lines of /proc/self/cgroup are "0::/path" of version 2, or "4:cpu,cpuacct:/path" of version 1.
std::optional<double> cpu_quota(const std::string& root, const std::string& groups_file) {
  std::optional<double> least;
  std::ifstream groups(groups_file);
  for (std::string line; std::getline(groups, line);) {
    const std::size_t controllers = line.find(':');
    const std::size_t path = line.find(':', controllers + 1);
    if (controllers == std::string::npos || path == std::string::npos) continue;
    const std::string names = "," + line.substr(controllers + 1, path - controllers - 1) + ",";
    std::optional<double> quota;
    if (names == ",,") quota = least_quota(root, line.substr(path + 1), quota_of_v2);
    if (names.find(",cpu,") != std::string::npos) {
      quota = least_quota(root + "/cpu", line.substr(path + 1), quota_of_v1);
    }
    if (quota && *quota < least.value_or(*quota + 1)) least = quota;
  }
  return least;
}

}  // namespace ipcbridge
