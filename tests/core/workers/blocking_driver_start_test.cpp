// A driver that cannot have what it needs.
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include <gtest/gtest.h>

#include "core/workers/blocking_driver.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::FaultySystem;
using testing_support::kNobody;

TEST(BlockingDriverStart, WithoutAThreadSaysSoAndLeavesTheSignalsAsTheyWere) {
  Child child([] {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_NPROC, &none) != 0) return 1;
    if (::getuid() == 0 && ::setuid(kNobody) != 0) return 2;  // the limit is not for root
    const Result<std::unique_ptr<BlockingDriver>> driver = BlockingDriver::create(DriverOptions{}, {});
    if (driver.ok() || driver.error().code != Code::kResourceExhausted) return 3;
    sigset_t blocked;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    return ::sigismember(&blocked, SIGINT) == 0 && ::sigismember(&blocked, SIGTERM) == 0 ? 0 : 4;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST(BlockingDriverStart, ThatCannotWatchItsDescriptorsSaysSo) {
  FaultySystem system;
  system.on_epoll_ctl = [calls = 0]() mutable {  // the first two are the Driver's
    errno = ENOSPC;
    return ++calls > 2;
  };
  DriverOptions options;
  options.system = &system;
  const Result<std::unique_ptr<BlockingDriver>> driver = BlockingDriver::create(options, {});
  ASSERT_FALSE(driver.ok());
  EXPECT_EQ(driver.error().code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace ipcbridge
