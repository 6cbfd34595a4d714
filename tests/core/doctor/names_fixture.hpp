#pragma once

#include <sys/stat.h>

#include <string>

#include <gtest/gtest.h>

#include "core/doctor/checks.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge::doctor {

class DoctorOfNames : public testing::Test {
 protected:
  DoctorOfNames() { ::mkdir(names_.c_str(), 0700); }

  void expect(Verdict verdict, const std::string& found, const std::string& remedy) {
    const Finding finding = check_names(System::real());
    EXPECT_EQ(finding.verdict, verdict) << finding.found;
    EXPECT_NE(finding.found.find(found), std::string::npos) << finding.found;
    EXPECT_NE(finding.remedy.find(remedy), std::string::npos) << finding.remedy;
  }

  // Of what may be something else's, nothing else is told.
  void expect_elsewhere(const std::string& found) {
    expect(Verdict::kFault, found, "");
    EXPECT_EQ(check_names(System::real()).remedy,
              "set IPCBRIDGE_DIR to a directory of your own, that is for nothing else");
  }

  testing_support::TemporaryDirectory directory_;
  const std::string names_ = directory_ / "names";
  testing_support::ScopedEnvironment environment_{"IPCBRIDGE_DIR", names_};
};

}  // namespace ipcbridge::doctor
