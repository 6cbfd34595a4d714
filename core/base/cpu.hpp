#pragma once

#include <cstdint>
#include <optional>

namespace ipcbridge {

// How many CPUs this process may use.
struct CpuLimits {
  std::optional<std::uint32_t> affinity;  // those of the affinity mask; nullopt: more than can be counted here
  std::optional<double> quota;            // what its cgroup, or one around that, allows; nullopt: all

  // Whether two threads can run at the same time. Where they cannot, a spinning waiter only keeps its peer from
  // running.
  bool allow_two() const { return affinity.value_or(2) >= 2 && quota.value_or(2) >= 2; }
};

// As of now: both may change while the process runs.
CpuLimits cpu_limits();

// How many are at work in the machine, whoever may use them; at least 1.
std::uint32_t cpus_of_machine();

// The CPU that this thread runs on, counted from 1; 0 when it cannot be told.
std::uint32_t current_cpu();

// Tells the CPU that this is a spin-wait loop.
inline void cpu_relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace ipcbridge
