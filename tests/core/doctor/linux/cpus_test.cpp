#include <sched.h>

#include <cstddef>

#include <gtest/gtest.h>

#include "core/base/cpu.hpp"
#include "core/doctor/checks.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::doctor {
namespace {

using testing_support::Child;

// Of the first CPUs that this process may use, which need not be those of the lowest numbers.
int verdict_of_cpus(int count) {
  Child child([count] {
    cpu_set_t allowed;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 100;
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&set) < count; ++cpu) {
      if (CPU_ISSET(cpu, &allowed)) CPU_SET(cpu, &set);
    }
    if (::sched_setaffinity(0, sizeof set, &set) != 0) return 100;
    return static_cast<int>(check_cpus(System::real()).verdict);
  });
  return child.wait();
}

TEST(DoctorOfCpus, WarnsOfASingleOne) {
  EXPECT_EQ(verdict_of_cpus(1), static_cast<int>(Verdict::kWarning));
  if (!cpu_limits().allow_two()) GTEST_SKIP() << "there is no second CPU";
  EXPECT_EQ(verdict_of_cpus(2), static_cast<int>(Verdict::kOk));
}

}  // namespace
}  // namespace ipcbridge::doctor
