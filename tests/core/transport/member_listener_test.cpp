#include "core/transport/member_listener.hpp"

#include <unistd.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/naming/members.hpp"
#include "core/transport/socket.hpp"
#include "core/transport/unix_listener.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::TemporaryDirectory;

class MemberListeners : public testing::Test {
 protected:
  Result<std::unique_ptr<Listener>> listen() { return MemberListener::listen(system_, path_, 0600); }
  bool is_there(const std::string& suffix) { return ::access((path_ + suffix).c_str(), F_OK) == 0; }
  // A member that has been killed, with all its files.
  void leave_dead_member() {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    Child child([&] {
      const Result<std::unique_ptr<Listener>> member = listen();
      static_cast<void>(::write(ready[1], member.ok() ? "y" : "n", 1));
      for (;;) ::pause();
      return 0;
    });
    char answer = 0;
    ASSERT_EQ(::read(ready[0], &answer, 1), 1);
    ASSERT_EQ(answer, 'y');
    child.kill(SIGKILL);
    child.wait();
    ::close(ready[0]);
    ::close(ready[1]);
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_ / "calc.sock";
  System& system_ = System::real();
};

TEST_F(MemberListeners, EachListensBesideTheOthers) {
  const Result<std::unique_ptr<Listener>> one = listen();
  const Result<std::unique_ptr<Listener>> two = listen();
  ASSERT_TRUE(one.ok()) << one.error().message;
  ASSERT_TRUE(two.ok()) << two.error().message;
  EXPECT_EQ(one.value()->files().front(), path_ + "@1");
  EXPECT_EQ(two.value()->files().front(), path_ + "@2");
  EXPECT_FALSE(is_there("")) << "nobody has the path for himself";
  EXPECT_TRUE(connect_unix(system_, path_ + "@1").ok());
  EXPECT_TRUE(connect_unix(system_, path_ + "@2").ok());
}

TEST_F(MemberListeners, LeaveNothingBehind) {
  {
    const Result<std::unique_ptr<Listener>> one = listen();
    const Result<std::unique_ptr<Listener>> two = listen();
  }
  for (const char* suffix : {".lock", "@1", "@1.lock", "@2", "@2.lock"}) EXPECT_FALSE(is_there(suffix)) << suffix;
}

TEST_F(MemberListeners, ANumberThatIsFreeAgainIsTaken) {
  Result<std::unique_ptr<Listener>> one = listen();
  const Result<std::unique_ptr<Listener>> two = listen();
  one.value().reset();
  EXPECT_TRUE(two.value()->is_in_place());
  EXPECT_EQ(listen().value()->files().front(), path_ + "@1");
}

TEST_F(MemberListeners, TheNumberOfOneThatWasKilledIsFree) {
  leave_dead_member();
  ASSERT_TRUE(is_there("@1"));
  EXPECT_EQ(listen().value()->files().front(), path_ + "@1");
}

TEST_F(MemberListeners, WhatIsNoSocketOfTheirsKeepsNobodyFromTheNextNumber) {
  std::ofstream(path_ + "@1") << "somebody's";
  const Result<std::unique_ptr<Listener>> member = listen();
  ASSERT_TRUE(member.ok()) << member.error().message;
  EXPECT_EQ(member.value()->files().front(), path_ + "@2");
  EXPECT_TRUE(is_there("@1")) << "it is left alone";
}

TEST_F(MemberListeners, WhatTheDeadHaveLeftIsRemoved) {
  Result<std::unique_ptr<Listener>> first = listen();
  leave_dead_member();
  first.value().reset();
  ASSERT_TRUE(is_there("@2"));
  const Result<std::unique_ptr<Listener>> next = listen();
  EXPECT_EQ(next.value()->files().front(), path_ + "@1");
  EXPECT_FALSE(is_there("@2"));
  EXPECT_FALSE(is_there("@2.lock"));
}

TEST_F(MemberListeners, WhoeverHasThePathForHimselfKeepsThemOut) {
  const Result<std::unique_ptr<Listener>> alone = UnixListener::listen(system_, path_, 0600);
  ASSERT_TRUE(alone.ok());
  EXPECT_EQ(listen().error().code, Code::kAlreadyExists);
}

TEST_F(MemberListeners, KeepOutWhoeverWantsThePathForHimself) {
  const Result<std::unique_ptr<Listener>> member = listen();
  EXPECT_EQ(UnixListener::listen(system_, path_, 0600).error().code, Code::kAlreadyExists);
}

// Clients would ask that one.
TEST_F(MemberListeners, AProgramThatKnowsNoLocksKeepsThemOut) {
  const Fd other = listen_unix(system_, path_, 0600).value();
  EXPECT_EQ(listen().error().code, Code::kAlreadyExists);
}

TEST_F(MemberListeners, AreOutOfPlaceWithoutTheLockThatTheyShare) {
  const Result<std::unique_ptr<Listener>> member = listen();
  ASSERT_TRUE(member.value()->is_in_place());
  ASSERT_EQ(::unlink((path_ + ".lock").c_str()), 0);
  EXPECT_FALSE(member.value()->is_in_place());
}

}  // namespace
}  // namespace ipcbridge
