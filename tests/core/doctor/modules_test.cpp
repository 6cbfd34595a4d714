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

TEST(DoctorOfModules, TellsOfEachThatCannotBeOpenedAndOnceWhatToDo) {
  const Finding finding = check_modules(broken_modules());
  EXPECT_EQ(finding.verdict, Verdict::kFault);
  for (const char* file : {"/damaged.so", "/greeting_of_another_abi.so", "/greeting_of_tomorrow.so", "/no_module.so"}) {
    EXPECT_NE(finding.found.find(broken_modules() + file), std::string::npos) << finding.found;
  }
  EXPECT_EQ(finding.found.find("install"), std::string::npos) << finding.found;
  EXPECT_EQ(finding.remedy, "install ipcbridge again");
}

TEST(DoctorOfModules, TellsWhyTheyCannotBeListed) {
  const Finding finding = check_modules(broken_modules() + "/damaged.so");
  EXPECT_EQ(finding.verdict, Verdict::kFault);
  EXPECT_NE(finding.found.find("Not a directory"), std::string::npos) << finding.found;
}

TEST(DoctorOfModules, WarnsOfAProgramThatIsNowhere) {
  const Finding finding = check_modules("");
  EXPECT_EQ(finding.verdict, Verdict::kWarning);
  EXPECT_NE(finding.remedy.find("absolute path"), std::string::npos) << finding.remedy;
}

}  // namespace
}  // namespace ipcbridge::doctor
