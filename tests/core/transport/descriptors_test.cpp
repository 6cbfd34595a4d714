// What connections may take of a process's descriptors.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/fd.hpp"
#include "tests/core/endpoint/driver_fault_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::become_nobody;
using testing_support::Child;
using testing_support::DriverFaults;
using testing_support::Endpoint;
using testing_support::kNobody;
using testing_support::run_until;

constexpr rlim_t kLimit = 128;

class ProcessDescriptors : public DriverFaults {
 protected:
  ProcessDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit low{kLimit, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &low);
  }
  ~ProcessDescriptors() override { ::setrlimit(RLIMIT_NOFILE, &before_); }

  // Clients connect one after the other, until one is told why it cannot. `endpoints` are those of this process.
  std::size_t crowd(Endpoint& caller, std::initializer_list<Endpoint*> endpoints, std::string& refusal) {
    ConnectOptions options;
    options.addresses = {address_};
    options.connect_timeout = Duration::zero();
    for (std::size_t connected = 0;; ++connected) {
      const ClientId client = caller.connect(options);
      const bool settled = run_until(
          endpoints, [&] { return caller.is(client, ClientState::kReady) || caller.is(client, ClientState::kClosed); });
      if (settled && caller.is(client, ClientState::kReady)) continue;
      refusal = caller.last(client).message;
      return connected;
    }
  }

 private:
  rlimit before_{};
};

TEST_F(ProcessDescriptors, AreNotAllForThoseWhoConnect) {
  server_.serve(address_);
  std::string refusal;
  EXPECT_GT(crowd(client_, {&server_, &client_}, refusal), 0U);
  EXPECT_NE(refusal.find("hardly a descriptor left"), std::string::npos) << refusal;
  std::vector<Fd> of_the_program;
  for (int i = 0; i < 10; ++i) {
    of_the_program.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(of_the_program.back().valid());
  }
}

TEST_F(ProcessDescriptors, AreNotAllForOneOtherUser) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can become another user";
  const ServerId server = serve_to_others({{kNobody}, {}});
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  Child guest([&] {
    if (!become_nobody()) return 1;
    Endpoint caller;
    std::string refusal;
    const std::size_t connected = crowd(caller, {&caller}, refusal);
    char byte = 0;
    if (::read(pipe[0], &byte, 1) != 1) return 2;
    return connected == kLimit / 2 && refusal.find("connections to this service already") != std::string::npos ? 0 : 3;
  });
  const Fd go_on(pipe[0]);
  const Fd tell(pipe[1]);
  ASSERT_TRUE(run_until({&server_}, [&] { return server_.driver().server_status(server).connections == kLimit / 2; }));
  expect_service();
  ASSERT_EQ(::write(tell.get(), "x", 1), 1);
  EXPECT_EQ(served_until_it_ends(guest), 0);
}

}  // namespace
}  // namespace ipcbridge
