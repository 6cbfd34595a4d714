#include "core/base/cpu.hpp"

#include <sched.h>

#include <fstream>
#include <string>

namespace ipcbridge {
namespace {

std::optional<std::uint32_t> cpus_of_affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // EINVAL on machines with more CPUs than the set holds.
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return std::nullopt;
  return static_cast<std::uint32_t>(CPU_COUNT(&set));
}

// cgroup v2: "max 100000" or "<quota> <period>", both in microseconds.
std::optional<double> quota_of(const std::string& cpu_max) {
  std::ifstream file(cpu_max);
  std::uint64_t quota = 0;
  std::uint64_t period = 0;
  if (!(file >> quota >> period) || period == 0) return std::nullopt;
  return static_cast<double>(quota) / static_cast<double>(period);
}

// The least of the cgroup's and of those around it.
std::optional<double> least_quota() {
  std::optional<double> least;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::")) continue;
    for (std::string path = line.substr(3);; path.resize(path.rfind('/'))) {
      const std::optional<double> quota = quota_of("/sys/fs/cgroup" + path + "/cpu.max");
      if (quota && *quota < least.value_or(*quota + 1)) least = quota;
      if (path.empty() || path.rfind('/') == std::string::npos) break;
    }
  }
  return least;
}

}  // namespace

std::uint32_t current_cpu() { return static_cast<std::uint32_t>(::sched_getcpu() + 1); }

CpuLimits cpu_limits() { return {cpus_of_affinity(), least_quota()}; }

}  // namespace ipcbridge
