#include <atomic>
#include <cerrno>
#include <functional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "core/doctor/checks.hpp"
#include "tests/core/support/test_system.hpp"

namespace ipcbridge::doctor {
namespace {

// Starts no thread while three are alive.
class ThreeThreads final : public testing_support::TestSystem {
 public:
  std::thread start_thread(std::function<void()> body) override {
    if (alive_ == 3) throw std::system_error(EAGAIN, std::generic_category());
    ++alive_;
    return TestSystem::start_thread([this, run = std::move(body)] {
      run();
      --alive_;
    });
  }

 private:
  std::atomic<int> alive_{0};
};

// Whether threads end before the next one is started is a matter of luck, so it is looked at many times.
TEST(DoctorOfThreads, CountsThoseThatMayLiveTogether) {
  ThreeThreads system;
  for (int round = 0; round < 200; ++round) {
    const Finding finding = check_threads(system);
    ASSERT_EQ(finding.verdict, Verdict::kFault) << finding.found;
    ASSERT_TRUE(finding.found.starts_with("after 3 threads: cannot start a thread")) << finding.found;
  }
}

}  // namespace
}  // namespace ipcbridge::doctor
