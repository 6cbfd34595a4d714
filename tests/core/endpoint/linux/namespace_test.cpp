// User namespaces that do not map the users at the other end.
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

#include "tests/core/endpoint/driver_fault_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::become_nobody;
using testing_support::Child;
using testing_support::DriverFaults;
using testing_support::Endpoint;
using testing_support::run_until;

class UserNamespaces : public DriverFaults {
 protected:
  // Whether one without any mapping can be had here: everybody appears in it as the overflow user.
  static bool can_be_had() {
    Child probe([] { return ::unshare(CLONE_NEWUSER) == 0 ? 0 : 1; });
    return probe.wait() == 0;
  }

  // 0 when a client in this process is refused, with a word on namespaces.
  int refused_as_a_stranger() const {
    Endpoint client;
    ConnectOptions options;
    options.addresses = {address_};
    options.connect_timeout = Duration::zero();
    options.allow = {{::geteuid()}, {::getegid()}};
    const ClientId id = client.connect(options);
    if (!run_until({&client},
                   [&] { return client.is(id, ClientState::kClosed) || client.is(id, ClientState::kReady); })) {
      return 2;
    }
    if (client.is(id, ClientState::kReady)) return 3;
    if (client.last(id).code != Code::kPermissionDenied) return 4;
    return client.last(id).message.find("namespace") == std::string::npos ? 5 : 0;
  }
};

TEST_F(UserNamespaces, AServiceOutsideIsAStrangerThoughItAppearsAsOneself) {
  if (!can_be_had()) GTEST_SKIP() << "no user namespaces here";
  server_.serve(address_);
  Child inside([&] {
    if (::unshare(CLONE_NEWUSER) != 0) return 1;
    return refused_as_a_stranger();
  });
  EXPECT_EQ(served_until_it_ends(inside), 0);
}

TEST_F(UserNamespaces, AServiceInsideAdmitsNobodyWhomItCannotTell) {
  if (!can_be_had()) GTEST_SKIP() << "no user namespaces here";
  Child service([&] {
    if (::unshare(CLONE_NEWUSER) != 0) return 1;
    Endpoint inside;
    ServeOptions options;
    options.address = address_;
    options.methods = {"echo"};
    options.allow = {{::geteuid()}, {::getegid()}};
    inside.serve(options);
    for (;;) inside.run();
  });
  ConnectOptions options;
  options.addresses = {address_};
  const ClientId client = client_.connect(options);
  ASSERT_TRUE(run_until(
      {&client_}, [&] { return client_.is(client, ClientState::kClosed) || client_.is(client, ClientState::kReady); }));
  EXPECT_TRUE(client_.is(client, ClientState::kClosed));
  EXPECT_EQ(client_.last(client).code, Code::kPermissionDenied) << client_.last(client).message;
}

}  // namespace
}  // namespace ipcbridge
