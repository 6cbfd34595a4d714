#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "core/naming/address.hpp"
#include "core/naming/directory.hpp"
#include "core/naming/name_lock.hpp"
#include "core/naming/near_matches.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::kNobody;
using testing_support::ScopedEnvironment;
using testing_support::TemporaryDirectory;

class Names : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  ScopedEnvironment environment_{"IPCBRIDGE_DIR", directory_ / "names"};
};

TEST_F(Names, ALocalNameIsASocketInTheDirectory) {
  const Result<Address> address = parse_address("calc");
  ASSERT_TRUE(address.ok()) << address.error().message;
  EXPECT_TRUE(address.value().named);
  EXPECT_EQ(address.value().transport, Transport::kAuto);
  EXPECT_EQ(address.value().path, directory_ / "names/calc.sock");
  struct stat info {};
  ASSERT_EQ(::stat((directory_ / "names").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(Names, EachTransportHasItsScheme) {
  EXPECT_EQ(parse_address("shm:///run/x").value().transport, Transport::kShm);
  EXPECT_EQ(parse_address("unix:///run/x").value().transport, Transport::kUnix);
  EXPECT_EQ(parse_address("unix:///run/x").value().path, "/run/x");
  EXPECT_EQ(parse_address("inproc://x").value().transport, Transport::kInproc);
  EXPECT_FALSE(parse_address("unix:///run/x").value().named);
}

TEST_F(Names, WhatIsNoNameIsRefused) {
  const std::string control = std::string("a\tb");
  for (const std::string& name : {std::string(), std::string("a/b"), control, std::string("a\0b", 3),
                                  std::string("a b"), std::string(".a"), std::string("-a"), std::string("caf\xc3\xa9"),
                                  std::string(65, 'a'), std::string("../x"), std::string("inproc://a/b")}) {
    const Result<Address> address = parse_address(name);
    ASSERT_FALSE(address.ok()) << name;
    EXPECT_EQ(address.error().code, Code::kInvalidArgument) << name;
    for (const char c : address.error().message) EXPECT_GE(c, ' ') << "control characters stay out of messages";
  }
  EXPECT_TRUE(parse_address("inproc://" + std::string(64, 'a')).ok());
}

TEST_F(Names, APathMustBeAbsoluteAndFitIntoASocketAddress) {
  for (const std::string& text : {std::string("unix://relative"), std::string("shm://"), std::string("unix:///"),
                                  "unix:///" + std::string(107, 'x'), std::string("unix:///a\0b", 11)}) {
    EXPECT_EQ(parse_address(text).error().code, Code::kInvalidArgument) << text;
  }
  EXPECT_TRUE(parse_address("unix:///" + std::string(106, 'x')).ok());
}

TEST_F(Names, ADirectoryThatMakesThePathTooLongIsNamed) {
  const ScopedEnvironment longer("IPCBRIDGE_DIR", directory_ / std::string(80, 'd'));
  const Result<Address> address = parse_address("calc");
  ASSERT_FALSE(address.ok());
  EXPECT_NE(address.error().message.find("IPCBRIDGE_DIR"), std::string::npos);
}

TEST_F(Names, TransportsOfLaterReleasesSaySo) {
  EXPECT_EQ(parse_address("tcp://host:1").error().code, Code::kUnimplemented);
  EXPECT_EQ(parse_address("tls://host:1").error().code, Code::kUnimplemented);
  EXPECT_EQ(parse_address("gopher://host").error().code, Code::kInvalidArgument);
}

TEST_F(Names, ARelativeDirectoryIsRefused) {
  const ScopedEnvironment relative("IPCBRIDGE_DIR", "names");
  EXPECT_EQ(names_directory().error().code, Code::kInvalidArgument);
}

TEST_F(Names, ADirectoryOpenToOthersIsRefused) {
  ASSERT_TRUE(names_directory().ok());
  ASSERT_EQ(::chmod((directory_ / "names").c_str(), 0750), 0);
  EXPECT_EQ(names_directory().error().code, Code::kFailedPrecondition);
}

TEST_F(Names, ASymbolicLinkInItsPlaceIsRefused) {
  ASSERT_EQ(::mkdir((directory_ / "real").c_str(), 0700), 0);
  ASSERT_EQ(::symlink((directory_ / "real").c_str(), (directory_ / "names").c_str()), 0);
  const Result<std::string> names = names_directory();
  ASSERT_FALSE(names.ok());
  EXPECT_NE(names.error().message.find("symbolic link"), std::string::npos);
}

TEST_F(Names, AFileInItsPlaceIsRefused) {
  std::ofstream(directory_ / "names") << "x";
  EXPECT_EQ(names_directory().error().code, Code::kFailedPrecondition);
}

TEST_F(Names, AnotherUsersDirectoryIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  ASSERT_EQ(::mkdir((directory_ / "names").c_str(), 0700), 0);
  ASSERT_EQ(::chown((directory_ / "names").c_str(), kNobody, kNobody), 0);
  const Result<std::string> names = names_directory();
  ASSERT_FALSE(names.ok());
  EXPECT_EQ(names.error().code, Code::kFailedPrecondition);
  EXPECT_NE(names.error().message.find("65534"), std::string::npos);
}

class NameLocks : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  std::string socket_ = directory_ / "calc.sock";
  System& system_ = System::real();
};

TEST_F(NameLocks, OneAtATimeAndTheHolderIsNamed) {
  Result<NameLock> first = NameLock::acquire(system_, socket_);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(NameLock::holder(socket_), ::getpid());
  const Result<NameLock> second = NameLock::acquire(system_, socket_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kAlreadyExists);
  EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos);
  first.value().release();
  EXPECT_TRUE(NameLock::acquire(system_, socket_).ok());
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

TEST_F(NameLocks, ASymbolicLinkInItsPlaceIsNotFollowed) {
  ASSERT_EQ(::symlink("/tmp/somewhere-else", (socket_ + ".lock").c_str()), 0);
  EXPECT_FALSE(NameLock::acquire(system_, socket_).ok());
}

TEST_F(NameLocks, RunningOutOfDescriptorsSaysSo) {
  testing_support::FaultySystem system;
  system.on_open = testing_support::fail_with(EMFILE);
  EXPECT_EQ(NameLock::acquire(system, socket_).error().code, Code::kResourceExhausted);
}

TEST(NearMatches, FindWhatWasMeant) {
  const std::vector<std::string> methods = {"add", "subtract", "multiply", "_hidden", "divide", "math.add"};
  EXPECT_EQ(near_matches("ad", methods), std::vector<std::string>{"add"});
  EXPECT_EQ(near_matches("dad", methods), std::vector<std::string>{"add"});
  EXPECT_EQ(near_matches("Substract", methods), std::vector<std::string>{"subtract"});
  EXPECT_TRUE(near_matches("unrelated_name", methods).empty());
  EXPECT_TRUE(near_matches("_hiddn", methods).empty());
  EXPECT_TRUE(near_matches("", {}).empty());
  EXPECT_EQ(near_matches("a", {"b", "c", "d", "e"}).size(), 3U);
  EXPECT_FALSE(near_matches(std::string(100'000, 'x'), {std::string(255, 'x')}).empty());
}

TEST(NearMatches, AreASentence) {
  EXPECT_EQ(did_you_mean("ad", {"add"}), " (did you mean 'add'?)");
  EXPECT_EQ(did_you_mean("ad", {"add", "and"}), " (did you mean 'add' or 'and'?)");
  EXPECT_EQ(did_you_mean("zzz", {"add"}), "");
}

}  // namespace
}  // namespace ipcbridge
