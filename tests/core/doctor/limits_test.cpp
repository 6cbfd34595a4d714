#include <sys/resource.h>

#include <gtest/gtest.h>

#include "core/doctor/checks.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::doctor {
namespace {

using testing_support::Child;

using Resource = decltype(RLIMIT_NOFILE);  // a type of glibc's own, and elsewhere an int

// In a process of its own, with a limit.
int verdict_with(Resource resource, rlim_t most, Finding (*check)(System&)) {
  Child child([&] {
    rlimit limit{};
    ::getrlimit(resource, &limit);
    limit.rlim_cur = most;
    if (::setrlimit(resource, &limit) != 0) return 100;
    return static_cast<int>(check(System::real()).verdict);
  });
  return child.wait();
}

TEST(DoctorOfLimits, JudgesTheLimitOfOpenFiles) {
  EXPECT_EQ(verdict_with(RLIMIT_NOFILE, 63, check_open_files), static_cast<int>(Verdict::kFault));
  EXPECT_EQ(verdict_with(RLIMIT_NOFILE, 512, check_open_files), static_cast<int>(Verdict::kWarning));
  EXPECT_EQ(verdict_with(RLIMIT_NOFILE, 1024, check_open_files), static_cast<int>(Verdict::kOk));
}

TEST(DoctorOfLimits, SurvivesALimitOfTheSizeOfFiles) {
  EXPECT_EQ(verdict_with(RLIMIT_FSIZE, 0, check_shared_memory), static_cast<int>(Verdict::kFault));
  EXPECT_EQ(verdict_with(RLIMIT_FSIZE, 0, check_names), static_cast<int>(Verdict::kOk));
}

}  // namespace
}  // namespace ipcbridge::doctor
