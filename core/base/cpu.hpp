#pragma once

#include <cstdint>

namespace ipcbridge {

// Whether two threads can run at the same time here: the affinity mask and the cgroup's cpu.max both allow
// at least two CPUs. Where they do not, a spinning waiter only keeps its peer from running.
bool can_run_in_parallel();

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
