#include "core/naming/name_lock.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::TemporaryDirectory;

TEST(NameLocksOfContainers, AHolderWithTheSameIdInAnotherContainerIsAnotherProcess) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make a PID namespace";
  const TemporaryDirectory directory;
  const std::string socket = directory / "calc.sock";
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  Child outer([&] {
    if (::unshare(CLONE_NEWPID) != 0) return 1;
    Child first([&] {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const Result<NameLock> lock = NameLock::acquire(System::real(), socket);
      static_cast<void>(::write(ready[1], lock.ok() && ::getpid() == 1 ? "y" : "n", 1));
      for (;;) ::pause();
      return 0;
    });
    return first.wait();
  });
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  Child second([&] {
    if (::unshare(CLONE_NEWPID) != 0) return 2;
    Child same([&] {
      const bool self = NameLock::holder(socket) == ProcessIdentity::own();
      const std::string message = NameLock::acquire(System::real(), socket).error().message;
      const bool told = message.find("process 1 of another container") != std::string::npos;
      return ::getpid() == 1 && !self && told ? 0 : 1;
    });
    return same.wait();
  });
  EXPECT_EQ(second.wait(), 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace ipcbridge
