#include "core/base/cpu.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/linux/cgroups.hpp"

namespace ipcbridge {
namespace {

std::optional<std::uint32_t> cpus_of_affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // EINVAL on machines with more CPUs than the set holds.
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return std::nullopt;
  return static_cast<std::uint32_t>(CPU_COUNT(&set));
}

}  // namespace

std::uint32_t cpus_of_machine() { return static_cast<std::uint32_t>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L)); }

std::uint32_t current_cpu() { return static_cast<std::uint32_t>(::sched_getcpu() + 1); }

CpuLimits cpu_limits() { return {cpus_of_affinity(), cpu_quota("/sys/fs/cgroup", "/proc/self/cgroup")}; }

}  // namespace ipcbridge
