#include "core/base/cpu.hpp"

#include <sched.h>

#include <fstream>
#include <string>

namespace ipcbridge {
namespace {

bool affinity_allows_two() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // EINVAL on machines with more CPUs than the set holds: those have two.
  return ::sched_getaffinity(0, sizeof set, &set) != 0 || CPU_COUNT(&set) >= 2;
}

// cgroup v2: "max 100000" or "<quota> <period>", both in microseconds.
bool quota_allows_two() {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::")) continue;
    for (std::string path = line.substr(3);; path.resize(path.rfind('/'))) {
      std::ifstream file("/sys/fs/cgroup" + path + "/cpu.max");
      std::string quota;
      double period = 0;
      if (file >> quota >> period && quota != "max" && std::stod(quota) < 2 * period) return false;
      if (path.empty() || path.rfind('/') == std::string::npos) return true;
    }
  }
  return true;
}

}  // namespace

std::uint32_t current_cpu() { return static_cast<std::uint32_t>(::sched_getcpu() + 1); }

bool can_run_in_parallel() { return affinity_allows_two() && quota_allows_two(); }

}  // namespace ipcbridge
