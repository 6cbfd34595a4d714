#include "core/naming/directory.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::kNobody;
using testing_support::ScopedEnvironment;
using testing_support::TemporaryDirectory;

class NamesDirectories : public testing::Test {
 protected:
  static mode_t mode_of(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777U : 0;
  }

  TemporaryDirectory directory_;
  ScopedEnvironment environment_{"IPCBRIDGE_DIR", directory_ / "names"};
};

TEST_F(NamesDirectories, ARelativeDirectoryIsRefused) {
  const ScopedEnvironment relative("IPCBRIDGE_DIR", "names");
  EXPECT_EQ(NamesDirectory().make().error().code, Code::kInvalidArgument);
}

TEST_F(NamesDirectories, ARuntimeWithAnEnvironmentOfItsOwnSaysWhereItIs) {
  ASSERT_TRUE(NamesDirectory::set_environment(directory_ / "elsewhere").ok());
  EXPECT_EQ(NamesDirectory().path(), directory_ / "elsewhere");
  ASSERT_TRUE(NamesDirectory::set_environment("").ok());
  EXPECT_TRUE(NamesDirectory().follows_sessions());
}

TEST_F(NamesDirectories, ADirectoryOpenToOthersIsRefused) {
  ASSERT_TRUE(NamesDirectory().make().ok());
  ASSERT_EQ(::chmod((directory_ / "names").c_str(), 0750), 0);
  const Error error = NamesDirectory().make().error();
  EXPECT_EQ(error.code, Code::kFailedPrecondition);
  EXPECT_EQ(error.message, "the directory of service names, " + (directory_ / "names") +
                               ", is open to other users (its mode must be 0700): "
                               "set IPCBRIDGE_DIR to a directory of your own, that is for nothing else");
}

TEST_F(NamesDirectories, OnlyOneOfItsOwnNameIsToBeRemoved) {
  struct stat info {};
  if (::geteuid() != 0 || ::stat("/run/user/65534", &info) == 0)
    GTEST_SKIP() << "needs root, and a user without session";
  const std::string path = "/tmp/ipcbridge-" + std::to_string(kNobody);
  if (::mkdir(path.c_str(), 0700) != 0) GTEST_SKIP() << "somebody uses " << path;
  Child child([&] {
    const ScopedEnvironment none("IPCBRIDGE_DIR", "");
    if (!testing_support::become_nobody()) return 2;
    const std::string told = NamesDirectory().make().error().message;
    const std::string wanted = "belongs to user 0: remove it as user 0 or root, or set IPCBRIDGE_DIR to a directory";
    return told.find(wanted) != std::string::npos ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  ::rmdir(path.c_str());
}

TEST_F(NamesDirectories, WhoCannotWriteThereIsToldWhatToDo) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  ASSERT_TRUE(NamesDirectory().make().ok());
  const std::string path = directory_ / "names";
  EXPECT_FALSE(NamesDirectory::refusal_of_services(path));
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  ASSERT_TRUE(::chmod(path.c_str(), 0500) == 0 && ::chown(path.c_str(), kNobody, kNobody) == 0);
  Child child([&] {
    if (!testing_support::become_nobody()) return 2;
    if (!NamesDirectory().check().ok()) return 3;  // clients reach whoever serves there all the same
    const auto refusal = NamesDirectory::refusal_of_services(path);
    if (!refusal || refusal->why.code != Code::kPermissionDenied) return 1;
    return refusal->remedy.find("let user 65534 write to it") != std::string::npos ? 0 : 4;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(NamesDirectories, ASymbolicLinkInItsPlaceIsRefused) {
  ASSERT_EQ(::mkdir((directory_ / "real").c_str(), 0700), 0);
  ASSERT_EQ(::symlink((directory_ / "real").c_str(), (directory_ / "names").c_str()), 0);
  const Result<std::string> names = NamesDirectory().make();
  ASSERT_FALSE(names.ok());
  EXPECT_NE(names.error().message.find("symbolic link"), std::string::npos);
}

TEST_F(NamesDirectories, AFileInItsPlaceIsRefused) {
  std::ofstream(directory_ / "names") << "x";
  EXPECT_EQ(NamesDirectory().make().error().code, Code::kFailedPrecondition);
}

TEST_F(NamesDirectories, AnotherUsersDirectoryIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  ASSERT_EQ(::mkdir((directory_ / "names").c_str(), 0700), 0);
  ASSERT_EQ(::chown((directory_ / "names").c_str(), kNobody, kNobody), 0);
  const Result<std::string> names = NamesDirectory().make();
  ASSERT_FALSE(names.ok());
  EXPECT_EQ(names.error().code, Code::kFailedPrecondition);
  EXPECT_NE(names.error().message.find("65534"), std::string::npos);
}

TEST_F(NamesDirectories, IsMadeWithItsParentsForItsOwnerAlone) {
  const ScopedEnvironment deep("IPCBRIDGE_DIR", directory_ / "a/b/names/");
  const Result<std::string> names = NamesDirectory().make();
  ASSERT_TRUE(names.ok()) << names.error().message;
  EXPECT_EQ(names.value(), directory_ / "a/b/names");
  for (const char* made : {"a", "a/b", "a/b/names"}) EXPECT_EQ(mode_of(directory_ / made), 0700U) << made;
}

TEST_F(NamesDirectories, OneThatIsMissingIsNoFaultOfWhoLooksThereAndIsNotMade) {
  EXPECT_TRUE(NamesDirectory().check().ok());
  EXPECT_NE(::access((directory_ / "names").c_str(), F_OK), 0);
}

TEST_F(NamesDirectories, AFileAmongItsParentsIsNamed) {
  std::ofstream(directory_ / "file") << "x";
  const ScopedEnvironment behind("IPCBRIDGE_DIR", directory_ / "file/names");
  const Result<std::string> names = NamesDirectory().make();
  ASSERT_FALSE(names.ok());
  EXPECT_EQ(names.error().code, Code::kFailedPrecondition);
  EXPECT_NE(names.error().message.find("Not a directory"), std::string::npos) << names.error().message;
}

TEST_F(NamesDirectories, WhereNothingMayBeMadePermissionIsDenied) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  Child child([] {
    if (!testing_support::become_nobody()) return 2;
    return NamesDirectory().make().error().code == Code::kPermissionDenied ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(NamesDirectories, TheEnvironmentIsAskedOnce) {
  const NamesDirectory directory;
  const ScopedEnvironment later("IPCBRIDGE_DIR", directory_ / "elsewhere");
  EXPECT_EQ(directory.path(), directory_ / "names");
  EXPECT_FALSE(directory.follows_sessions());
}

TEST_F(NamesDirectories, WithoutAConfiguredOneItDependsOnTheSessionsOfTheUser) {
  const ScopedEnvironment none("IPCBRIDGE_DIR", "");
  const NamesDirectory directory;
  EXPECT_TRUE(directory.follows_sessions());
  EXPECT_FALSE(directory.sessions().empty());
  EXPECT_NE(directory.path().find(std::to_string(::geteuid())), std::string::npos);
}

}  // namespace
}  // namespace ipcbridge
