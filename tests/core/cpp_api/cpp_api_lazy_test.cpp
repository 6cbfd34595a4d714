#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <ipcbridge/ipcbridge.hpp>

#include "tests/core/cpp_api/cpp_api.hpp"

namespace ipcbridge {
namespace {

using namespace std::chrono_literals;
using testing_support::bytes_of;
using testing_support::code_of;
using testing_support::echo;
using testing_support::TemporaryDirectory;
using testing_support::text_of;
using testing_support::thrown_by;

// Remotes that connect with their first call, over every transport.
class LazyRemotes : public testing::TestWithParam<std::string> {
 protected:
  std::string address() const {
    if (GetParam() == "inproc") return "inproc://lazy";
    return GetParam() + "://" + (directory_ / "lazy");
  }

  TemporaryDirectory directory_;
  Bridge bridge_;
};

INSTANTIATE_TEST_SUITE_P(Transports, LazyRemotes, testing::Values("shm", "unix", "inproc"),
                         [](const auto& parameter) { return parameter.param; });

TEST_P(LazyRemotes, ConnectWithTheFirstCall) {
  const Service service = bridge_.serve(address(), {{"echo", echo}});
  Remote remote = bridge_.connect(address(), {.lazy = true});
  EXPECT_EQ(remote.status().state, "disconnected");
  EXPECT_TRUE(remote.methods().empty());
  EXPECT_EQ(text_of(remote.call("echo", bytes_of("hello"))), "hello");
  EXPECT_EQ(remote.status().state, "ready");
  EXPECT_EQ(remote.methods(), std::vector<std::string>{"echo"});
}

TEST_P(LazyRemotes, WaitWithTheFirstCallForAServiceThatIsStartedLater) {
  Remote remote = bridge_.connect(address(), {.connect_timeout = 60s, .lazy = true});
  auto answer = std::async(std::launch::async, [&] { return text_of(remote.call("echo", bytes_of("early"))); });
  while (remote.status().state != "connecting") std::this_thread::yield();
  const Service service = bridge_.serve(address(), {{"echo", echo}});
  EXPECT_EQ(answer.get(), "early");
}

TEST_P(LazyRemotes, FailACallThatFindsNobodyAndConnectWithALaterOne) {
  Remote remote = bridge_.connect(address(), {.connect_timeout = 0s, .lazy = true});
  const std::optional<IpcError> error = thrown_by([&] { remote.call("echo", bytes_of("")); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kUnavailable);
  EXPECT_EQ(error->sent(), Sent::kNo);
  EXPECT_EQ(remote.status().state, "disconnected");
  const Service service = bridge_.serve(address(), {{"echo", echo}});
  EXPECT_EQ(text_of(remote.call("echo", bytes_of("now"))), "now");
}

TEST_P(LazyRemotes, RefuseAMethodThatTheServiceTurnsOutNotToOffer) {
  const Service service = bridge_.serve(address(), {{"echo", echo}});
  Remote remote = bridge_.connect(address(), {.lazy = true});
  const std::optional<IpcError> error = thrown_by([&] { remote.call("ecko", bytes_of("")); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), Code::kUnimplemented);
  EXPECT_EQ(text_of(remote.call("echo", bytes_of("still"))), "still");
}

TEST_P(LazyRemotes, BeginToConnectWithACallThatDoesNotWaitForIt) {
  const Service service = bridge_.serve(address(), {{"echo", echo}});
  Remote remote = bridge_.connect(address(), {.connect_timeout = 60s, .lazy = true});
  EXPECT_EQ(code_of([&] { remote.call("echo", bytes_of(""), {.wait_for_ready = false}); }), Code::kUnavailable);
  while (remote.status().state != "ready") std::this_thread::yield();
  EXPECT_EQ(text_of(remote.call("echo", bytes_of("now"), {.wait_for_ready = false})), "now");
}

TEST_P(LazyRemotes, CloseWithoutHavingConnected) {
  Remote remote = bridge_.connect(address(), {.lazy = true});
  remote.close();
  EXPECT_EQ(remote.status().state, "closed");
  EXPECT_EQ(code_of([&] { remote.call("echo", bytes_of("")); }), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace ipcbridge
