#include <unistd.h>

#include <fstream>
#include <future>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <ipcbridge/ipcbridge.hpp>

#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::TemporaryDirectory;

bool is_asleep(pid_t thread) {
  std::ifstream stat("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string line;
  std::getline(stat, line);
  return line.find(") S ") != std::string::npos;
}

TEST(CppApiForks, AChildDestroysWhatAThreadOfTheParentWaitsFor) {
  constexpr unsigned kPatience = 10;  // seconds; then SIGALRM
  const TemporaryDirectory directory;
  const std::string address = "unix://" + (directory / "service");
  std::optional<Bridge> bridge(std::in_place);
  std::optional<Service> service(bridge->serve(address, {{"echo", [](const IncomingCall&) { return Bytes(); }}}));
  std::optional<Remote> remote(bridge->connect(address));
  std::promise<pid_t> thread;
  std::thread waiting([&] {
    thread.set_value(::gettid());
    service->wait();
  });
  const pid_t waiter = thread.get_future().get();
  while (!is_asleep(waiter)) std::this_thread::yield();
  Child child([&] {
    ::alarm(kPatience);
    remote.reset();
    service.reset();
    bridge.reset();
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  service->close();
  waiting.join();
}

}  // namespace
}  // namespace ipcbridge
