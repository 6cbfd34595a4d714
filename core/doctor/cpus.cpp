#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>

#include "core/base/cpu.hpp"
#include "core/doctor/checks.hpp"
#include "core/doctor/counted.hpp"
#include "core/doctor/remedy.hpp"
#include "core/reactor/spin.hpp"

namespace ipcbridge::doctor {
namespace {

// "1.5", "2".
std::string tenths(double number) {
  const auto tenth = static_cast<std::uint64_t>(std::lround(number * 10));
  return std::to_string(tenth / 10) + (tenth % 10 == 0 ? "" : "." + std::to_string(tenth % 10));
}

std::string cpus_in_words(const CpuLimits& limits) {
  const std::uint32_t machine = cpus_of_machine();
  std::string words = limits.affinity && *limits.affinity < machine
                          ? std::to_string(*limits.affinity) + " of " + counted(machine, "CPU")
                          : counted(machine, "CPU");
  if (limits.quota) words += ", and a quota of " + tenths(*limits.quota);
  return words;
}

}  // namespace

Finding check_cpus(System&) {
  constexpr const char* kCheck = "CPUs";
  const CpuLimits limits = cpu_limits();
  const std::string found = cpus_in_words(limits);
  if (limits.allow_two()) {
    const auto budget = std::chrono::duration_cast<std::chrono::microseconds>(kWakeCost).count();
    return ok(kCheck, found + ": who expects a message spins for up to " + std::to_string(budget) + " us, then sleeps");
  }
  return warning(kCheck, found + ": nobody spins, so that each call waits for the other process to be woken",
                 "for the shortest calls give the process two CPUs: " + give_cpus());
}

}  // namespace ipcbridge::doctor
