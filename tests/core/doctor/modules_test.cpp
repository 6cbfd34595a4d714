#include <string>

#include <gtest/gtest.h>

#include "core/base/module.hpp"
#include "core/doctor/checks.hpp"
#include "tests/core/support/broken_modules.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::doctor {
namespace {

using testing_support::broken_modules;

TEST(DoctorOfModules, NamesThoseThatCanBeOpened) {
  const Finding finding = check_modules(modules_directory());
  EXPECT_EQ(finding.verdict, Verdict::kOk);
  EXPECT_EQ(finding.found, "greeting in " + modules_directory());
}

TEST(DoctorOfModules, DoesWithoutAny) {
  const testing_support::TemporaryDirectory empty;
  EXPECT_EQ(check_modules(empty.path()).found, "none in " + empty.path());
  EXPECT_EQ(check_modules(empty / "modules").verdict, Verdict::kOk);
}

TEST(DoctorOfModules, TellsOfOneThatCannotBeOpened) {
  const Finding finding = check_modules(broken_modules());
  EXPECT_EQ(finding.verdict, Verdict::kFault);
  EXPECT_NE(finding.found.find(broken_modules() + "/damaged.so"), std::string::npos) << finding.found;
  EXPECT_EQ(finding.remedy, "install ipcbridge again");
}

}  // namespace
}  // namespace ipcbridge::doctor
