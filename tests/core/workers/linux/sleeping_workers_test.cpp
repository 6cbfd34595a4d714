#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "tests/core/support/test_system.hpp"
#include "tests/core/workers/blocking_driver_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::BlockingDriverTest;
using testing_support::echo;
using testing_support::Gate;
using testing_support::make_driver;
using testing_support::Service;

// Knows for how long those threads sleep that wait for descriptors.
class SleepSystem final : public testing_support::TestSystem {
 public:
  int ppoll(pollfd* descriptors, nfds_t count, const timespec* timeout) override {
    {
      const std::lock_guard lock(mutex_);
      sleeps_[std::this_thread::get_id()] =
          timeout == nullptr ? Duration::max()
                             : std::chrono::seconds(timeout->tv_sec) + std::chrono::nanoseconds(timeout->tv_nsec);
    }
    const int ready = TestSystem::ppoll(descriptors, count, timeout);
    const std::lock_guard lock(mutex_);
    sleeps_.erase(std::this_thread::get_id());
    return ready;
  }

  // Whether so many sleep, each for so long.
  bool sleep(std::size_t threads, Duration least) {
    const std::lock_guard lock(mutex_);
    return sleeps_.size() == threads &&
           std::all_of(sleeps_.begin(), sleeps_.end(), [least](const auto& sleep) { return sleep.second >= least; });
  }

 private:
  std::mutex mutex_;
  std::map<std::thread::id, Duration> sleeps_;
};

class SleepingWorkers : public BlockingDriverTest {
 protected:
  SleepingWorkers() {
    server_ = make_driver(system_);
    client_ = make_driver(system_);
  }
  ~SleepingWorkers() override {
    client_.reset();
    server_.reset();
  }

  SleepSystem system_;
};

TEST_F(SleepingWorkers, SleepWhileAHandlerWaitsAndItsEndIsToldAllTheSame) {
  Gate gate;
  const Service service(*server_, address_, 1, [&](BlockingDriver& driver, const InboundCall& inbound) {
    gate.wait();
    echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  std::thread caller([&] { EXPECT_EQ(call(client, "x", {}, "slow").outcome.code, Code::kOk); });
  const auto busy = [&] { return client_->driver().client_status(client).busy.has_value(); };
  while (!busy()) std::this_thread::yield();
  // The caller and both watchdogs, which look once a second whether all handlers are held up.
  const TimePoint patience = Clock::now() + std::chrono::seconds(20);
  while (!system_.sleep(3, std::chrono::milliseconds(900))) {
    ASSERT_LT(Clock::now(), patience) << "something keeps waking up";
    std::this_thread::yield();
  }
  gate.open();
  caller.join();
  while (busy()) std::this_thread::yield();
}

}  // namespace
}  // namespace ipcbridge
