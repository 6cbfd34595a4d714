#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <latch>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <ipcbridge/defaults.hpp>

#include "core/base/cpu.hpp"
#include "core/base/thread.hpp"
#include "core/doctor/checks.hpp"
#include "core/doctor/remedy.hpp"
#include "core/reactor/spin.hpp"
#include "core/transport/descriptors.hpp"

namespace ipcbridge::doctor {
namespace {

// Fewer are gone before the first connection, with what a program has open besides; the other is what systems give.
constexpr std::uint64_t kLeastDescriptors = 64;
constexpr std::uint64_t kUsualDescriptors = 1024;

std::string counted(std::uint64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// "1.5", "2".
std::string tenths(double number) {
  const auto tenth = static_cast<std::uint64_t>(std::lround(number * 10));
  return std::to_string(tenth / 10) + (tenth % 10 == 0 ? "" : "." + std::to_string(tenth % 10));
}

std::string cpus_in_words(const CpuLimits& limits) {
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  const auto machine = static_cast<std::uint64_t>(online > 0 ? online : 1);
  std::string words = limits.affinity && *limits.affinity < machine
                          ? std::to_string(*limits.affinity) + " of " + counted(machine, "CPU")
                          : counted(machine, "CPU");
  if (limits.quota) words += ", and a cgroup's quota of " + tenths(*limits.quota);
  return words;
}

}  // namespace

std::uint64_t file_size_limit() {
  rlimit limit{};
  const bool limited = ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return limited ? limit.rlim_cur : std::numeric_limits<std::uint64_t>::max();
}

Finding check_open_files(System&) {
  constexpr const char* kCheck = "open files";
  const DescriptorLimits limits = descriptor_limits();
  if (limits.limit == std::numeric_limits<std::uint64_t>::max()) return ok(kCheck, "no limit");
  const std::string found = "at most " + std::to_string(limits.limit) +
                            ": a connection takes one, and a service leaves " +
                            std::to_string(limits.limit - limits.reserved_from) + " to its program";
  if (limits.limit < kLeastDescriptors) return fault(kCheck, found, raise_open_files());
  if (limits.limit < kUsualDescriptors) return warning(kCheck, found, raise_open_files());
  return ok(kCheck, found);
}

Finding check_threads(System& system) {
  constexpr const char* kCheck = "threads";
  std::latch end(1);  // they live together, as those of a service do: limits are of those that are alive
  std::vector<std::thread> threads;
  threads.reserve(defaults::kThreads);
  Status status;
  while (threads.size() < defaults::kThreads && status.ok()) {
    Result<std::thread> thread = start_thread(system, [&end] { end.wait(); });
    if (thread.ok()) {
      threads.push_back(std::move(thread).value());
    } else {
      status = thread.error();
    }
  }
  end.count_down();
  for (std::thread& thread : threads) thread.join();
  if (status.ok()) return ok(kCheck, counted(defaults::kThreads, "more thread") + " can be started");
  return fault(kCheck, "after " + counted(threads.size(), "thread") + ": " + status.error().message,
               "raise the limit: `ulimit -u` in a shell, TasksMax= in a systemd unit, `--pids-limit` of docker run; "
               "or serve with fewer threads");
}

Finding check_cpus(System&) {
  constexpr const char* kCheck = "CPUs";
  const CpuLimits limits = cpu_limits();
  const std::string found = cpus_in_words(limits);
  if (limits.allow_two()) {
    const auto budget = std::chrono::duration_cast<std::chrono::microseconds>(kWakeCost).count();
    return ok(kCheck, found + ": who expects a message spins for up to " + std::to_string(budget) + " us, then sleeps");
  }
  return warning(kCheck, found + ": nobody spins, so that each call waits for the other process to be woken",
                 "for the shortest calls give the process two CPUs: taskset, the cpuset, `--cpus` of docker run, "
                 "CPUQuota= in a systemd unit");
}

}  // namespace ipcbridge::doctor
