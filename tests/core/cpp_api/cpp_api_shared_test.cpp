// Several services that share a name. Each has a Bridge of its own, as each process has.
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <ipcbridge/ipcbridge.hpp>

#include "tests/core/cpp_api/cpp_api.hpp"

namespace ipcbridge {
namespace {

using namespace std::chrono_literals;
using testing_support::bytes_of;
using testing_support::code_of;
using testing_support::TemporaryDirectory;
using testing_support::text_of;

class CppApiShared : public testing::TestWithParam<std::string> {
 protected:
  std::string address() const { return GetParam() + "://" + (directory_ / "service"); }

  Service serve(Bridge& bridge, const std::string& name, const ServiceOptions& options = {.shared = true}) const {
    return bridge.serve(address(), {{"who", [name](const IncomingCall&) { return bytes_of(name); }}}, options);
  }

  // Whether that one answers, of those that do one after the other.
  static bool reaches(Remote& remote, const std::string& name) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (std::chrono::steady_clock::now() < deadline) {
      if (text_of(remote.call("who", bytes_of("\x90"))) == name) return true;
    }
    return false;
  }

  // Begun behind the children that a test forks, which begin some of their own.
  struct Bridges {
    Bridge one;
    Bridge two;
    Bridge client;
  };

  TemporaryDirectory directory_;
};

INSTANTIATE_TEST_SUITE_P(Transports, CppApiShared, testing::Values("shm", "unix"),
                         [](const auto& parameter) { return parameter.param; });

TEST_P(CppApiShared, CallsReachAllWhoServeTheNameAndGoOnWhenOneEnds) {
  Bridges in;
  Service one = serve(in.one, "one");
  const Service two = serve(in.two, "two");
  Remote remote = in.client.connect(address());
  EXPECT_TRUE(reaches(remote, "one"));
  EXPECT_TRUE(reaches(remote, "two"));
  one.close();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(text_of(remote.call("who", bytes_of("\x90"))), "two");
  one = serve(in.one, "next");
  EXPECT_TRUE(reaches(remote, "next"));
}

TEST_P(CppApiShared, OneThatWantsTheNameAloneReplacesAllWhoShareIt) {
  Bridges in;
  Service one = serve(in.one, "one");
  Service two = serve(in.two, "two");
  Remote remote = in.client.connect(address());
  EXPECT_TRUE(reaches(remote, "one"));
  EXPECT_TRUE(reaches(remote, "two"));
  Bridge bridge;
  const Service alone = serve(bridge, "alone", {.takeover = ServiceOptions::Takeover::kReplace});
  one.wait();
  two.wait();
  EXPECT_TRUE(reaches(remote, "alone"));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(text_of(remote.call("who", bytes_of("\x90"))), "alone");
}

TEST_P(CppApiShared, WhoSharesAndWhoDoesNotCannotHaveTheNameTogether) {
  const ServiceOptions alone{.takeover = ServiceOptions::Takeover::kFail};
  const ServiceOptions shared{.shared = true, .takeover = ServiceOptions::Takeover::kFail};
  testing_support::Child child([&] {
    Bridge bridge;
    Service service = serve(bridge, "one");
    service.wait();
    return 0;
  });
  Bridges in;
  Remote remote = in.client.connect(address());
  EXPECT_EQ(code_of([&] { serve(in.two, "two", alone); }), Code::kAlreadyExists);
  const Service two = serve(in.two, "two", shared);
  EXPECT_TRUE(reaches(remote, "two"));
}

}  // namespace
}  // namespace ipcbridge
