// A driver that cannot have what it needs.
#include <cerrno>
#include <csignal>

#include <gtest/gtest.h>

#include "core/workers/blocking_driver.hpp"
#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::fail_with;
using testing_support::FaultySystem;

TEST(BlockingDriverStart, WithoutAThreadSaysSoAndLeavesTheSignalsAsTheyWere) {
  FaultySystem system;
  system.on_thread = fail_with(EAGAIN);
  DriverOptions options;
  options.system = &system;
  const Result<std::unique_ptr<BlockingDriver>> driver = BlockingDriver::create(options, {});
  ASSERT_FALSE(driver.ok());
  EXPECT_EQ(driver.error().code, Code::kResourceExhausted);
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  EXPECT_EQ(::sigismember(&blocked, SIGINT), 0);
  EXPECT_EQ(::sigismember(&blocked, SIGTERM), 0);
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
