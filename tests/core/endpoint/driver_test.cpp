#include "core/endpoint/driver.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/endpoint/connected_drivers.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::is_pattern;
using testing_support::pattern;
using testing_support::run_idle;
using testing_support::run_until;
using testing_support::text_of;

using DriverCalls = testing_support::ConnectedDrivers;

TEST_P(DriverCalls, ACallIsAnswered) {
  const ClientId client = connected();
  const std::uint64_t token = client_.call(client, "hello");
  ASSERT_TRUE(run_until_ended(token));
  EXPECT_EQ(client_.outcomes[token].code, Code::kOk);
  EXPECT_EQ(text_of(client_.outcomes[token].payload), "hello");
  EXPECT_EQ(client_.driver().client_status(client).transport, GetParam());
  EXPECT_EQ(client_.driver().client_status(client).fallback_reason, "");
  EXPECT_EQ(client_.driver().client_status(client).local_peer()->pid, ::getpid());
  EXPECT_EQ(client_.driver().methods(client), (std::vector<std::string>{"echo", "other"}));
}

TEST_P(DriverCalls, MethodsWhoseNamesNoHelloCarriesAreRefused) {
  constexpr std::size_t kMost = 4079;  // of the longest names in 1 MiB
  ServeOptions options;
  options.address = address_;
  for (std::size_t i = 0; i <= kMost; ++i) {
    options.methods.push_back(std::to_string(i));
    options.methods.back().resize(255, '.');
  }
  const Result<ServerId> refused = server_.driver().serve(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  options.methods.resize(kMost);
  server_.serve(options);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReady); }));
  EXPECT_EQ(client_.driver().methods(client), options.methods);
}

TEST_P(DriverCalls, NoEventFollowsTheCancelOfACallThatHasEndedAlready) {
  server_.handle = Endpoint::keep;
  const ClientId client = connected();
  const std::uint64_t token = client_.call(client, "hello");
  client_.driver().close_client(client);
  client_.driver().cancel(client, token);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kClosed); }));
  EXPECT_FALSE(client_.ended(token));
}

TEST_P(DriverCalls, ManyCallsOfAllSizesAreEachAnsweredOnce) {
  const ClientId client = connected();
  for (std::uint32_t i = 0; i < 3000; ++i) {
    const Buffer payload = pattern(i % 50 == 0 ? 40'000 : i % 300, i);
    client_.call(client, as_text(payload));
  }
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.outcomes.size() == 3000; }));
  for (const auto& [token, ended] : client_.outcomes) {
    EXPECT_EQ(ended.times, 1);
    EXPECT_EQ(ended.code, Code::kOk);
    EXPECT_TRUE(is_pattern(ended.payload, static_cast<std::uint32_t>(token - 1)));
  }
  EXPECT_EQ(client_.driver().client_status(client).queued_bytes, 0U);
}

TEST_P(DriverCalls, AMessageOfMegabytesArrivesWhole) {
  const ClientId client = connected();
  const Buffer payload = pattern(5'000'000, 3);
  const std::uint64_t token = client_.call(client, as_text(payload));
  ASSERT_TRUE(run_until_ended(token));
  EXPECT_EQ(client_.outcomes[token].payload, payload);
}

TEST_P(DriverCalls, AnErrorComesBackAsTheHandlerGaveIt) {
  const ClientId client = connected();
  server_.handle = [](Endpoint& self, const Endpoint::Asked& asked) {
    self.driver().reply_error(asked.key, Code::kNotFound, "no such row", pattern(100'000, 1));
  };
  const std::uint64_t token = client_.call(client, "x");
  ASSERT_TRUE(run_until_ended(token));
  EXPECT_EQ(client_.outcomes[token].code, Code::kNotFound);
  EXPECT_EQ(client_.outcomes[token].message, "no such row");
  EXPECT_TRUE(is_pattern(client_.outcomes[token].payload, 1));
  EXPECT_EQ(client_.outcomes[token].payload.size(), 100'000U);
}

TEST_P(DriverCalls, AnUnknownMethodIsRefusedWithNearMatches) {
  const ClientId client = connected();
  const Result<Submission> status = client_.try_call(client, 1, {}, {}, "ecko");
  EXPECT_EQ(status.error().code, Code::kUnimplemented);
  EXPECT_NE(status.error().message.find("'echo'"), std::string::npos) << status.error().message;
}

TEST_P(DriverCalls, ANameThatTheServiceDoesNotOfferIsNotKept) {
  const ClientId client = connected();
  Driver& driver = client_.driver();
  const std::uint32_t echo = driver.find_method(client, "echo").value();
  EXPECT_EQ(driver.find_method(client, "echo").value(), echo);
  EXPECT_EQ(driver.intern_method(client, "echo"), echo);
  const Result<std::uint32_t> unknown = driver.find_method(client, "ecko");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, Code::kUnimplemented);
  EXPECT_NE(unknown.error().message.find("'echo'"), std::string::npos) << unknown.error().message;
  EXPECT_EQ(driver.find_method(client, "other").value(), echo + 1);
}

TEST_P(DriverCalls, OnlySoManyUnknownNamesWaitForTheServiceToComeBack) {
  const ClientId client = connected();
  Driver& driver = client_.driver();
  server_.driver().close_server(server_id_, Duration::zero());
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReconnecting); }));

  std::string name = "fresh";
  ASSERT_TRUE(driver.find_method(client, name).ok());
  const std::uint64_t token = client_.call(client, "x", {}, name);
  constexpr int kMore = 1'000'000;
  int found = 0;
  Result<std::uint32_t> number = 0U;
  for (; found < kMore && number.ok(); ++found) number = driver.find_method(client, "guess" + std::to_string(found));
  ASSERT_LT(found, kMore);
  EXPECT_EQ(number.error().code, Code::kUnavailable);
  EXPECT_TRUE(driver.find_method(client, "fresh").ok());
  EXPECT_TRUE(driver.find_method(client, "echo").ok());

  ServeOptions options;
  options.address = address_;
  options.methods = {"fresh", "guess" + std::to_string(kMore)};
  ASSERT_TRUE(server_.driver().serve(options).ok());
  ASSERT_TRUE(run_until_ended(token));
  EXPECT_EQ(client_.outcomes[token].code, Code::kOk);
  EXPECT_TRUE(driver.find_method(client, options.methods.back()).ok());
}

TEST_P(DriverCalls, ADeadlineEndsTheCallAndCancelsTheHandler) {
  const ClientId client = connected();
  server_.handle = Endpoint::keep;
  CallOptions options;
  options.timeout = std::chrono::milliseconds(5);
  const std::uint64_t token = client_.call(client, "x", options);
  ASSERT_TRUE(run_until_ended(token));
  EXPECT_EQ(client_.outcomes[token].code, Code::kDeadlineExceeded);
  EXPECT_TRUE(client_.outcomes[token].sent_maybe);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.cancelled.size() == 1; }));
  server_.driver().reply(server_.requests.at(0).key, {});
  run_idle({&server_, &client_});
  EXPECT_EQ(client_.outcomes[token].times, 1);
}

TEST_P(DriverCalls, ADeadlineOfZeroFailsAtOnce) {
  const ClientId client = connected();
  CallOptions options;
  options.timeout = Duration::zero();
  EXPECT_EQ(client_.try_call(client, 1, {}, options).error().code, Code::kDeadlineExceeded);
}

TEST_P(DriverCalls, ACancelledCallHasNoOutcomeAndTheHandlerIsTold) {
  const ClientId client = connected();
  server_.handle = Endpoint::keep;
  const std::uint64_t token = client_.call(client, "x");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !server_.requests.empty(); }));
  client_.driver().cancel(client, token);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !server_.cancelled.empty(); }));
  server_.driver().reply_error(server_.requests[0].key, Code::kCancelled, "", {});
  run_idle({&server_, &client_});
  EXPECT_TRUE(client_.outcomes.empty());
  EXPECT_EQ(server_.driver().server_status(server_id_).running_calls, 0U);
}

TEST_P(DriverCalls, ANotificationRunsAndHasNoOutcome) {
  const ClientId client = connected();
  CallOptions options;
  options.notify = true;
  for (int i = 0; i < 2000; ++i) client_.call(client, "x", options);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.requests.size() == 2000; }));
  run_idle({&server_, &client_});
  EXPECT_TRUE(client_.outcomes.empty());
  EXPECT_EQ(client_.driver().client_status(client).pending_calls, 0U);
}

TEST_P(DriverCalls, AMethodOfNoClientHasNoNumber) {
  const ClientId client = connected();
  EXPECT_EQ(client_.driver().intern_method(client + 1, "echo"), Driver::kNoMethod);
  EXPECT_EQ(client_.driver().call(client, 1, Driver::kNoMethod, {}, {}, {}).error().code, Code::kInvalidArgument);
}

TEST_P(DriverCalls, TheQueueHasALimit) {
  ConnectOptions options;
  options.addresses = {address_};
  options.max_queued_bytes = 10'000;
  const ClientId client = client_.connect(options);
  std::uint64_t made = 0;
  while (client_.try_call(client, ++made, pattern(1000, 1)).value() == Submission::kTaken) {
  }
  EXPECT_LE(made, 10U);
  EXPECT_EQ(client_.driver().client_status(client).dropped_notifications, 0U);
}

TEST_P(DriverCalls, ANotificationForWhichThereIsNoRoomIsDroppedAndCounted) {
  ConnectOptions options;
  options.addresses = {address_};
  options.max_queued_bytes = 10'000;
  const ClientId client = client_.connect(options);
  CallOptions notification;
  notification.notify = true;
  std::uint64_t taken = 0;
  while (client_.try_call(client, 0, pattern(1000, 1), notification).value() == Submission::kTaken) ++taken;
  EXPECT_EQ(client_.try_call(client, 0, pattern(1000, 1), notification).value(), Submission::kNotTaken);
  const ClientStatus status = client_.driver().client_status(client);
  EXPECT_EQ(status.dropped_notifications, 2U);
  EXPECT_EQ(status.queued_calls, taken);
}

TEST_P(DriverCalls, AMessageThatTheQueueNeverTakesIsRefused) {
  ConnectOptions options;
  options.addresses = {address_};
  options.max_queued_bytes = 10'000;
  const ClientId client = client_.connect(options);
  EXPECT_EQ(client_.try_call(client, 1, pattern(10'000, 1)).error().code, Code::kResourceExhausted);
}

// Two loops on two threads: for TSan, and for wake-ups between Drivers that sleep.
TEST_P(DriverCalls, WorksBetweenTwoThreads) {
  std::atomic<bool> stop{false};
  server_id_ = server_.serve(address_);
  std::thread serving([&] { run_until({&server_}, [&] { return stop.load(); }); });
  const ClientId client = client_.connect(address_);
  bool answered = true;
  for (std::size_t round = 0; round < 300 && answered; ++round) {
    for (std::size_t i = 0; i < 1 + round % 20; ++i) client_.call(client, as_text(pattern(round * 11 % 2000, 1)));
    const std::size_t want = client_.outcomes.size() + 1;
    answered = run_until({&client_}, [&] { return client_.outcomes.size() >= want; });
  }
  EXPECT_TRUE(answered);
  stop = true;
  server_.driver().ring();
  serving.join();
}

INSTANTIATE_TEST_SUITE_P(Transports, DriverCalls, testing::Values("unix", "shm", "inproc"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace ipcbridge
