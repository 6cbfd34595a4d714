#include "core/doctor/doctor.hpp"

#include <gtest/gtest.h>

#include "tests/core/support/process.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::doctor {
namespace {

using testing_support::ScopedEnvironment;
using testing_support::TemporaryDirectory;

TEST(Doctor, FindsNoFaultWhereTheTestsRun) {
  const TemporaryDirectory directory;
  const ScopedEnvironment environment("IPCBRIDGE_DIR", directory.path());
  for (const Finding& finding : examine(System::real())) {
    EXPECT_NE(finding.verdict, Verdict::kFault) << finding.check << ": " << finding.found;
    EXPECT_FALSE(finding.found.empty()) << finding.check;
    EXPECT_EQ(finding.remedy.empty(), finding.verdict == Verdict::kOk) << finding.check;
  }
}

TEST(Doctor, LeavesNoDescriptorBehind) {
  const TemporaryDirectory directory;
  const ScopedEnvironment environment("IPCBRIDGE_DIR", directory.path());
  examine(System::real());
  const std::size_t before = testing_support::open_descriptors();
  examine(System::real());
  EXPECT_EQ(testing_support::open_descriptors(), before);
}

}  // namespace
}  // namespace ipcbridge::doctor
