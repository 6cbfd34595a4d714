// An operating system that refuses, and processes that are killed or stopped.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/endpoint/driver_fault_fixture.hpp"
#include "tests/core/support/faulty_system.hpp"

namespace ipcbridge {
namespace {

using testing_support::Child;
using testing_support::DriverFaults;
using testing_support::Endpoint;
using testing_support::fail_with;
using testing_support::run_idle;
using testing_support::run_until;
using testing_support::ScopedEnvironment;
using testing_support::text_of;

TEST_F(DriverFaults, RunningOutOfDescriptorsDelaysAConnectionAndLosesNothing) {
  server_.serve(address_);
  server_system_.on_accept = fail_with(EMFILE, 3);
  expect_service();
}

TEST_F(DriverFaults, AClientWithoutDescriptorsTriesAgain) {
  server_.serve(address_);
  client_system_.on_socket = fail_with(EMFILE, 3);
  expect_service();
}

TEST_F(DriverFaults, AClientThatNeverGetsADescriptorSaysWhy) {
  server_.serve(address_);
  client_system_.on_socket = fail_with(EMFILE);
  ConnectOptions options;
  options.addresses = {address_};
  options.connect_timeout = std::chrono::milliseconds(30);
  const ClientId client = client_.connect(options);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !client_.client_states.empty(); }));
  EXPECT_NE(client_.last(client).message.find(std::strerror(EMFILE)), std::string::npos)
      << client_.last(client).message;
}

TEST_F(DriverFaults, WithoutMemoryToShareTheSocketIsUsedAndStatusSaysWhy) {
  const ScopedEnvironment environment("IPCBRIDGE_DIR", directory_ / "names");
  server_.serve("calc");
  client_system_.on_fallocate = fail_with(ENOSPC);
  const ClientId client = client_.connect("calc");
  const std::uint64_t token = client_.call(client, "x");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
  EXPECT_EQ(client_.driver().client_status(client).transport, "unix");
  EXPECT_NE(client_.driver().client_status(client).fallback_reason.find("reserve"), std::string::npos);
}

TEST_F(DriverFaults, WithTooManyDescriptorsUnderWayTheSocketIsUsedAndStatusSaysWhy) {
  const ScopedEnvironment environment("IPCBRIDGE_DIR", directory_ / "names");
  server_.serve("calc");
  client_system_.on_sendmsg = fail_with(ETOOMANYREFS, 1);
  const ClientId client = client_.connect("calc");
  const std::uint64_t token = client_.call(client, "x");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
  EXPECT_EQ(text_of(client_.outcomes[token].payload), "x") << client_.outcomes[token].message;
  EXPECT_EQ(client_.driver().client_status(client).transport, "unix");
  EXPECT_NE(client_.driver().client_status(client).fallback_reason.find("too many descriptors"), std::string::npos);
}

TEST_F(DriverFaults, WhoeverAsksForSharedMemoryByNameIsToldWhyThereIsNone) {
  const auto code_of_a_try = [this] {
    ConnectOptions options;
    options.addresses = {"shm://" + path_};
    options.connect_timeout = std::chrono::milliseconds(30);
    const ClientId client = client_.connect(options);
    EXPECT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kClosed); }));
    return client_.last(client).code;
  };
  server_.serve("shm://" + path_);
  client_system_.on_memfd = fail_with(EMFILE);
  EXPECT_EQ(code_of_a_try(), Code::kResourceExhausted);
  client_system_.on_memfd = {};
  server_system_.on_memfd = fail_with(EMFILE);
  EXPECT_EQ(code_of_a_try(), Code::kResourceExhausted) << "the service's HELLO says so";
  server_system_.on_memfd = {};
  server_system_.on_mmap = [calls = 0]() mutable {  // of each two, the second maps the client's segment
    errno = ENOMEM;
    return ++calls % 2 == 0;
  };
  EXPECT_EQ(code_of_a_try(), Code::kResourceExhausted) << "the service's verdict says so";
}

// The caller sleeps and cannot be rung, and the service sleeps as well.
TEST_F(DriverFaults, AnAnswerThatCannotBeRungForEndsTheConnection) {
  const std::string address = "shm://" + path_;
  server_.serve(address);
  server_.handle = Endpoint::keep;
  const ClientId client = client_.connect(address);
  const std::uint64_t token = client_.call(client, "x");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.requests.size() == 1; }));
  run_idle({&server_, &client_});
  ASSERT_TRUE(server_.driver().prepare_sleep() && client_.driver().prepare_sleep());
  server_system_.on_sendmsg = fail_with(ENOMEM);
  server_.driver().reply(server_.requests[0].key, {});
  ASSERT_TRUE(testing_support::is_readable(server_.driver().fd())) << "nobody tells the service";
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
}

TEST_F(DriverFaults, WhoeverAsksForSharedMemoryOfAServiceWithoutIsToldAtOnce) {
  server_.serve(address_);
  const ClientId client = client_.connect("shm://" + path_);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kClosed); }));
  EXPECT_EQ(client_.last(client).code, Code::kFailedPrecondition);
}

TEST_F(DriverFaults, ANameThatIsNowhereIsReportedWithItsDirectory) {
  const ScopedEnvironment environment("IPCBRIDGE_DIR", directory_ / "names");
  ConnectOptions options;
  options.addresses = {"nobody"};
  options.connect_timeout = std::chrono::milliseconds(20);
  const ClientId client = client_.connect(options);
  ASSERT_TRUE(run_until({&client_}, [&] { return !client_.client_states.empty(); }));
  EXPECT_EQ(client_.last(client).code, Code::kUnavailable);
  EXPECT_NE(client_.last(client).message.find("nobody"), std::string::npos);
  EXPECT_NE(client_.last(client).message.find(directory_ / "names"), std::string::npos);
}

TEST_F(DriverFaults, ARefusalIsHeardAlthoughTheHelloFoundTheSocketClosed) {
  ServeOptions options;
  options.address = address_;
  options.max_connections_per_user = 0;
  server_.serve(options);
  client_system_.on_sendmsg = fail_with(EPIPE);
  ConnectOptions patience;
  patience.addresses = {address_};
  patience.connect_timeout = std::chrono::milliseconds(30);
  const ClientId client = client_.connect(patience);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kClosed); }));
  EXPECT_EQ(client_.last(client).code, Code::kResourceExhausted) << client_.last(client).message;
  EXPECT_EQ(client_.last(client).message.rfind("could not connect to " + address_, 0), 0U)
      << client_.last(client).message;
}

TEST_F(DriverFaults, TheDriverOfAForkedChildIsDeadAndTheParentsIsUnharmed) {
  server_.serve(address_);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReady); }));
  Child child([&] {
    if (client_.try_call(client, 1, {}).error().code != Code::kFailedPrecondition) return 1;
    return client_.driver().prepare_sleep() && !client_.run() ? 0 : 2;
  });
  EXPECT_EQ(child.wait(), 0);
  const std::uint64_t token = client_.call(client, "parent");
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
}

// The service is killed in the middle of many calls: each ends once, and a new service is found.
TEST_F(DriverFaults, EachCallEndsOnceWhenTheServiceIsKilled) {
  for (const char* transport : {"unix://", "shm://"}) {
    const std::string address = transport + path_;
    const auto serve = [&] {
      Endpoint service;
      service.serve(address);
      run_until({&service}, [] { return false; });
      return 0;
    };
    auto victim = std::make_unique<Child>(serve);
    Endpoint caller;
    const ClientId client = caller.connect(address);
    constexpr std::size_t kCalls = 10'000;
    for (std::size_t i = 0; i < kCalls; ++i) caller.call(client, "x");
    ASSERT_TRUE(run_until({&caller}, [&] { return caller.outcomes.size() > 100; }));
    victim->kill(SIGKILL);
    victim->wait();
    victim = std::make_unique<Child>(serve);
    ASSERT_TRUE(run_until({&caller}, [&] { return caller.outcomes.size() == kCalls; }));
    for (const auto& [token, ended] : caller.outcomes) {
      ASSERT_EQ(ended.times, 1);
      ASSERT_TRUE(ended.code == Code::kOk || (ended.code == Code::kUnavailable && ended.sent_maybe)) << ended.message;
    }
    const std::uint64_t token = caller.call(client, "new");
    EXPECT_TRUE(run_until({&caller}, [&] { return caller.ended(token); }));
    EXPECT_EQ(caller.outcomes[token].code, Code::kOk);
  }
}

TEST_F(DriverFaults, AStoppedServiceLetsDeadlinesPassAndGoesOnAfterwards) {
  const std::string address = "shm://" + path_;
  Child service([&] {
    Endpoint endpoint;
    endpoint.serve(address);
    run_until({&endpoint}, [] { return false; });
    return 0;
  });
  Endpoint caller;
  const ClientId client = caller.connect(address);
  ASSERT_TRUE(run_until({&caller}, [&] { return caller.is(client, ClientState::kReady); }));
  service.stop();
  CallOptions options;
  options.timeout = std::chrono::milliseconds(20);
  const std::uint64_t late = caller.call(client, "x", options);
  ASSERT_TRUE(run_until({&caller}, [&] { return caller.ended(late); }));
  EXPECT_EQ(caller.outcomes[late].code, Code::kDeadlineExceeded);
  service.kill(SIGCONT);
  const std::uint64_t token = caller.call(client, "y");
  ASSERT_TRUE(run_until({&caller}, [&] { return caller.ended(token); }));
  EXPECT_EQ(text_of(caller.outcomes[token].payload), "y");
}

}  // namespace
}  // namespace ipcbridge
