#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/naming/directory.hpp"
#include "tests/core/doctor/names_fixture.hpp"

namespace ipcbridge::doctor {
namespace {

using testing_support::Child;
using testing_support::kNobody;
using testing_support::ScopedEnvironment;

TEST_F(DoctorOfNames, FindsADirectoryThatWillDoAndLeavesItEmpty) {
  expect(Verdict::kOk, names_ + ", of user " + std::to_string(::geteuid()) + ", mode 0700", "");
  EXPECT_EQ(::rmdir(names_.c_str()), 0);
}

TEST_F(DoctorOfNames, LetsOthersLookAtTheSameTime) {
  constexpr int kRounds = 25;
  std::atomic<int> all_well{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&all_well] {
      for (int round = 0; round < kRounds; ++round) {
        if (check_names(System::real()).verdict == Verdict::kOk) ++all_well;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(all_well, 4 * kRounds);
}

TEST_F(DoctorOfNames, MakesNoneThatIsMissing) {
  ASSERT_EQ(::rmdir(names_.c_str()), 0);
  expect(Verdict::kOk, "which the first service makes", "");
  EXPECT_NE(::access(names_.c_str(), F_OK), 0);
}

TEST_F(DoctorOfNames, SendsElsewhereWhoeverHasOneThatIsOpenToOthers) {
  ASSERT_EQ(::chmod(names_.c_str(), 0755), 0);
  expect_elsewhere("is open to other users (its mode must be 0700)");
}

TEST_F(DoctorOfNames, ChangesNothingOfTheSystemThatIsTakenForOne) {
  for (const char* path : {"/", "/tmp", "/etc/passwd", "/dev/null"}) {
    const ScopedEnvironment mistaken("IPCBRIDGE_DIR", path);
    expect_elsewhere(std::string("the directory of service names, ") + path + ", ");
  }
}

TEST_F(DoctorOfNames, SaysWhatTheErrorSays) {
  ASSERT_EQ(::chmod(names_.c_str(), 0755), 0);
  const Finding finding = check_names(System::real());
  EXPECT_EQ(finding.found + ": " + finding.remedy, NamesDirectory().check().error().message);
}

TEST_F(DoctorOfNames, TellsThatNoServiceCanWriteThere) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  ASSERT_TRUE(::chmod(names_.c_str(), 0500) == 0 && ::chown(names_.c_str(), kNobody, kNobody) == 0);
  Child child([this] {
    if (!testing_support::become_nobody()) return 2;
    expect(Verdict::kFault, "no service can write to the directory of service names, " + names_ + ": Permission denied",
           "let user 65534 write to it (its mode must be 0700), or set IPCBRIDGE_DIR");
    return HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(DoctorOfNames, TellsWhoseAForeignOneIs) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  ASSERT_EQ(::chown(names_.c_str(), kNobody, kNobody), 0);
  expect(Verdict::kFault, "belongs to user 65534", "run this as user 65534");
}

TEST_F(DoctorOfNames, RefusesWhatIsNoDirectory) {
  ASSERT_EQ(::rmdir(names_.c_str()), 0);
  std::ofstream(names_) << "x";
  expect_elsewhere("is not a directory");
}

TEST_F(DoctorOfNames, RefusesARelativePath) {
  const ScopedEnvironment relative("IPCBRIDGE_DIR", "names");
  expect(Verdict::kFault, "must be an absolute path", "set IPCBRIDGE_DIR to a directory of your own");
}

TEST_F(DoctorOfNames, RefusesOneBehindAFile) {
  std::ofstream(directory_ / "file") << "x";
  const ScopedEnvironment behind("IPCBRIDGE_DIR", directory_ / "file/names");
  expect(Verdict::kFault, "Not a directory", "set IPCBRIDGE_DIR");
}

TEST_F(DoctorOfNames, WarnsOfALongPathAndRefusesALongerOne) {
  const ScopedEnvironment is_long("IPCBRIDGE_DIR", names_ + "/" + std::string(90 - names_.size() - 1, 'x'));
  expect(Verdict::kWarning, "names may have 11 characters", "shorter path");
  const ScopedEnvironment too_long("IPCBRIDGE_DIR", names_ + "/" + std::string(101 - names_.size(), 'x'));
  expect(Verdict::kFault, "is too long", "shorter path");
}

TEST_F(DoctorOfNames, TellsWhoCannotMakeIt) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  ASSERT_EQ(::rmdir(names_.c_str()), 0);
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  Child child([this] {
    if (!testing_support::become_nobody()) return 2;
    expect(Verdict::kFault, "user 65534 cannot make it in " + directory_.path() + ": Permission denied",
           "install -d -m 700 -o 65534 " + names_);
    return HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace ipcbridge::doctor
