#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include <ipcbridge/ipcbridge.hpp>

#include "tests/core/cpp_api/cpp_api.hpp"

namespace ipcbridge {
namespace {

using testing_support::bytes_of;
using testing_support::Child;
using testing_support::code_of;
using testing_support::echo;
using testing_support::TemporaryDirectory;
using testing_support::text_of;
using testing_support::thrown_by;

// Children are forked before there is a Bridge, because they make Bridges of their own.
class CppApiProcesses : public testing::TestWithParam<std::string> {
 protected:
  std::string address() const { return GetParam() + "://" + (directory_ / "service"); }

  TemporaryDirectory directory_;
};

INSTANTIATE_TEST_SUITE_P(Transports, CppApiProcesses, testing::Values("shm", "unix"),
                         [](const auto& parameter) { return parameter.param; });

TEST_P(CppApiProcesses, FailACallThatIsLostWithItsService) {
  const Child child([&] {
    Bridge bridge;
    Service service = bridge.serve(address(), {{"die", [](const IncomingCall&) -> Bytes { std::_Exit(0); }}});
    service.wait();
    return 1;
  });
  Bridge bridge;
  Remote remote = bridge.connect(address());
  const auto error = thrown_by([&] { remote.call("die", {}); });
  EXPECT_EQ(error->code(), Code::kUnavailable);
  EXPECT_EQ(error->sent(), Sent::kMaybe);
}

TEST_P(CppApiProcesses, LeaveNothingBehindWhenTheyExitWithoutClosing) {
  Child child([&]() -> int {
    Bridge bridge;
    const Service service = bridge.serve(address(), {{"echo", echo}});
    std::exit(std::filesystem::is_socket(directory_ / "service") ? 0 : 1);
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
}

TEST_P(CppApiProcesses, LeaveANameToTheOneThatHasIt) {
  Child child([&] {
    Bridge bridge;
    const Remote first = bridge.connect(address());
    const ServiceOptions options{.takeover = ServiceOptions::Takeover::kFail};
    return code_of([&] { bridge.serve(address(), {{"echo", echo}}, options); }) == Code::kAlreadyExists ? 0 : 1;
  });
  Bridge bridge;
  const Service service = bridge.serve(address(), {{"echo", echo}});
  EXPECT_EQ(child.wait(), 0);
}

TEST_P(CppApiProcesses, HandANameOverWhenAskedTo) {
  const Child child([&] {
    Bridge bridge;
    const Remote first = bridge.connect(address());
    Service mine = bridge.serve(address(), {{"who", [](const IncomingCall&) { return bytes_of("child"); }}},
                                {.takeover = ServiceOptions::Takeover::kReplace});
    mine.wait();
    return 0;
  });
  Bridge bridge;
  Service service = bridge.serve(address(), {{"who", [](const IncomingCall&) { return bytes_of("parent"); }}});
  service.wait();
  EXPECT_EQ(text_of(bridge.connect(address()).call("who", {})), "child");
}

}  // namespace
}  // namespace ipcbridge
