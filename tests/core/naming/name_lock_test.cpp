#include "core/naming/name_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::fail_with;
using testing_support::FaultySystem;
using testing_support::kNobody;
using testing_support::TemporaryDirectory;

class NameLocks : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  std::string socket_ = directory_ / "calc.sock";
  System& system_ = System::real();
};

TEST_F(NameLocks, OneAtATimeAndTheHolderIsNamed) {
  Result<NameLock> first = NameLock::acquire(system_, socket_);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(NameLock::holder(socket_), ProcessIdentity::own());
  const Result<NameLock> second = NameLock::acquire(system_, socket_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kAlreadyExists);
  EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos);
  first.value().release();
  EXPECT_TRUE(NameLock::acquire(system_, socket_).ok());
}

TEST_F(NameLocks, AnotherCopyInThisProcessIsTold) {
  const Result<NameLock> first = NameLock::acquire(system_, socket_);
  ASSERT_TRUE(first.ok()) << first.error().message;
  ProcessIdentity copy = ProcessIdentity::own();
  if (copy.pid_namespace == 0) GTEST_SKIP() << "the process may be one of another container";
  ++copy.token;
  std::ofstream(first.value().path()) << copy.line();
  EXPECT_EQ(NameLock::acquire(system_, socket_).error().message,
            "another copy of ipcbridge in this process already serves at " + socket_);
}

TEST_F(NameLocks, ReleaseLeavesTheFileOfASuccessor) {
  Result<NameLock> first = NameLock::acquire(system_, socket_);
  ASSERT_EQ(::unlink((socket_ + ".lock").c_str()), 0);  // as who cleans up a directory does
  const Result<NameLock> second = NameLock::acquire(system_, socket_);
  ASSERT_TRUE(second.ok());
  first.value().release();
  EXPECT_FALSE(NameLock::acquire(system_, socket_).ok());
}

TEST_F(NameLocks, IsReleasedWhenItsHolderIsKilled) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  Child child([&] {
    const Result<NameLock> lock = NameLock::acquire(System::real(), socket_);
    static_cast<void>(::write(ready[1], lock.ok() ? "y" : "n", 1));
    for (;;) ::pause();
    return 0;
  });
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_FALSE(NameLock::acquire(system_, socket_).ok());
  child.kill(SIGKILL);
  child.wait();
  EXPECT_TRUE(NameLock::acquire(system_, socket_).ok());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(NameLocks, AForkedChildDoesNotHoldOrReleaseIt) {
  Result<NameLock> lock = NameLock::acquire(system_, socket_);
  ASSERT_TRUE(lock.ok());
  Child child([&] {
    lock.value().release();
    return lock.value().held() ? 1 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_FALSE(NameLock::acquire(system_, socket_).ok());
  lock.value().release();
  EXPECT_TRUE(NameLock::acquire(system_, socket_).ok());
}

TEST_F(NameLocks, ThoseWhoShareItKeepOutWhoeverDoesNot) {
  Result<NameLock> one = NameLock::acquire(system_, socket_, NameLock::Mode::kShared);
  Result<NameLock> two = NameLock::acquire(system_, socket_, NameLock::Mode::kShared);
  ASSERT_TRUE(one.ok() && two.ok());
  const Result<NameLock> alone = NameLock::acquire(system_, socket_);
  ASSERT_FALSE(alone.ok());
  EXPECT_EQ(alone.error().code, Code::kAlreadyExists);
  EXPECT_NE(alone.error().message.find("servers that share the name"), std::string::npos) << alone.error().message;
  one.value().release();
  EXPECT_FALSE(NameLock::acquire(system_, socket_).ok());
  two.value().release();
  EXPECT_FALSE(NameLock::has_file(socket_)) << "the last removes it";
  EXPECT_TRUE(NameLock::acquire(system_, socket_).ok());
}

TEST_F(NameLocks, WhoeverHasItAloneKeepsOutThoseWhoWouldShareIt) {
  Result<NameLock> alone = NameLock::acquire(system_, socket_);
  ASSERT_TRUE(alone.ok());
  const Result<NameLock> member = NameLock::acquire(system_, socket_, NameLock::Mode::kShared);
  ASSERT_FALSE(member.ok());
  EXPECT_EQ(member.error().code, Code::kAlreadyExists);
  EXPECT_EQ(member.error().message.find("share"), std::string::npos) << member.error().message;
}

TEST_F(NameLocks, OneWhoLeavesLeavesTheFileToTheOthers) {
  Result<NameLock> one = NameLock::acquire(system_, socket_, NameLock::Mode::kShared);
  Result<NameLock> two = NameLock::acquire(system_, socket_, NameLock::Mode::kShared);
  one.value().release();
  EXPECT_TRUE(two.value().held());
}

TEST_F(NameLocks, ASymbolicLinkInItsPlaceIsNotFollowed) {
  ASSERT_EQ(::symlink("/tmp/somewhere-else", (socket_ + ".lock").c_str()), 0);
  EXPECT_FALSE(NameLock::acquire(system_, socket_).ok());
}

TEST_F(NameLocks, RunningOutOfDescriptorsSaysSo) {
  FaultySystem system;
  system.on_open = fail_with(EMFILE);
  EXPECT_EQ(NameLock::acquire(system, socket_).error().code, Code::kResourceExhausted);
}

TEST_F(NameLocks, WhatKeepsAFileFromBeingLockedIsToldForWhatItIs) {
  const std::pair<int, Code> faults[] = {{ENOSYS, Code::kFailedPrecondition}, {EOPNOTSUPP, Code::kFailedPrecondition},
                                         {ENOLCK, Code::kFailedPrecondition}, {ENOMEM, Code::kResourceExhausted},
                                         {EACCES, Code::kPermissionDenied},   {EIO, Code::kInternal},
                                         {EINTR, Code::kUnavailable},         {EWOULDBLOCK, Code::kAlreadyExists}};
  for (const auto& [number, code] : faults) {
    FaultySystem system;
    system.on_flock = fail_with(number);
    const Result<NameLock> lock = NameLock::acquire(system, socket_);
    ASSERT_FALSE(lock.ok()) << number;
    EXPECT_EQ(lock.error().code, code) << lock.error().message;
    EXPECT_NE(lock.error().message.find(socket_), std::string::npos) << lock.error().message;
  }
}

TEST_F(NameLocks, AFileSystemWithoutLocksIsToldWithARemedy) {
  FaultySystem system;
  system.on_flock = fail_with(ENOSYS);
  const std::string message = NameLock::acquire(system, socket_).error().message;
  EXPECT_NE(message.find("Function not implemented"), std::string::npos) << message;
  EXPECT_NE(message.find("IPCBRIDGE_DIR"), std::string::npos) << message;
}

TEST_F(NameLocks, ASignalInBetweenIsNoFailure) {
  FaultySystem system;
  system.on_flock = fail_with(EINTR, 3);
  system.on_open = fail_with(EINTR, 3);
  EXPECT_TRUE(NameLock::acquire(system, socket_).ok());
}

TEST_F(NameLocks, ADirectoryThatIsMissingIsNamed) {
  const Result<NameLock> lock = NameLock::acquire(system_, directory_ / "missing/calc.sock");
  ASSERT_FALSE(lock.ok());
  EXPECT_EQ(lock.error().code, Code::kFailedPrecondition);
  EXPECT_NE(lock.error().message.find("there is no directory " + (directory_ / "missing")), std::string::npos)
      << lock.error().message;
}

TEST_F(NameLocks, WhatIsNoFileInItsPlaceIsRefused) {
  ASSERT_EQ(::mkfifo((socket_ + ".lock").c_str(), 0600), 0);
  EXPECT_EQ(NameLock::acquire(system_, socket_).error().code, Code::kFailedPrecondition);
}

TEST_F(NameLocks, AForkedChildIsNotTheHolder) {
  const Result<NameLock> lock = NameLock::acquire(system_, socket_);
  ASSERT_TRUE(lock.ok());
  Child child([&] { return NameLock::holder(socket_) == ProcessIdentity::own() ? 1 : 0; });
  EXPECT_EQ(child.wait(), 0);
}

// As in /tmp, where everybody may put files and remove none but their own.
TEST_F(NameLocks, WhatAnotherUserLeftInAStickyDirectoryIsToldWithARemedy) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  ASSERT_EQ(::chmod(directory_.path().c_str(), 01777), 0);
  { const Fd left(::open((socket_ + ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)); }
  Child child([&] {
    if (!testing_support::become_nobody()) return 2;
    const Result<NameLock> lock = NameLock::acquire(System::real(), socket_);
    if (lock.ok() || lock.error().code != Code::kPermissionDenied) return 1;
    return lock.error().message.find("belongs to user 0") != std::string::npos &&
                   lock.error().message.find("only that user or root can remove it") != std::string::npos
               ? 0
               : 3;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(NameLocks, RootTakesWhatAnotherUserLeftInAStickyDirectory) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(::chmod(directory_.path().c_str(), 01777), 0);
  { const Fd left(::open((socket_ + ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)); }
  ASSERT_EQ(::chown((socket_ + ".lock").c_str(), kNobody, kNobody), 0);
  EXPECT_TRUE(NameLock::acquire(system_, socket_).ok());
}

}  // namespace
}  // namespace ipcbridge
