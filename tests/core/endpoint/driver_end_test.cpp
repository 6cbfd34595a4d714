// Clients and servers that end, and come.
#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/endpoint/driver.hpp"
#include "tests/core/endpoint/connected_drivers.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::pattern;
using testing_support::run_idle;
using testing_support::run_until;
using testing_support::text_of;

using DriverEnds = testing_support::ConnectedDrivers;

TEST_P(DriverEnds, AClientWhoseLastCallTimedOutLeavesAfterAGoodbye) {
  server_.handle = Endpoint::keep;
  const ClientId client = connected();
  CallOptions options;
  options.timeout = std::chrono::milliseconds(5);
  const std::uint64_t token = client_.call(client, "hello", options);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token) && !server_.requests.empty(); }));
  server_.driver().close_server(server_id_, std::chrono::hours(1));
  run_idle({&server_, &client_});
  server_.driver().reply(server_.requests[0].key, {});
  EXPECT_TRUE(run_until({&server_, &client_},
                        [&] { return server_.driver().server_status(server_id_).state == ServerState::kClosed; }));
}

TEST_P(DriverEnds, CallsMadeBeforeTheServiceIsThereWaitForIt) {
  const ClientId client = client_.connect(address_);
  const std::uint64_t first = client_.call(client, "1");
  const std::uint64_t second = client_.call(client, "2");
  run_idle({&client_});
  EXPECT_EQ(client_.driver().client_status(client).queued_calls, 2U);
  server_id_ = server_.serve(address_);
  ASSERT_TRUE(run_until_ended(first) && run_until_ended(second));
  EXPECT_EQ(text_of(server_.requests.at(0).payload), "1");
  EXPECT_EQ(text_of(client_.outcomes[second].payload), "2");
}

TEST_P(DriverEnds, CloseFinishesWhatRunsAndRefusesWhatIsNew) {
  const ClientId client = connected();
  server_.handle = Endpoint::keep;
  const std::uint64_t token = client_.call(client, "x");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !server_.requests.empty(); }));
  server_.driver().close_server(server_id_, std::chrono::seconds(60));
  run_idle({&server_, &client_});
  EXPECT_EQ(server_.driver().server_status(server_id_).state, ServerState::kClosing);
  EXPECT_TRUE(client_.is(client, ClientState::kReconnecting));
  server_.driver().reply(server_.requests[0].key, as_bytes("done"));
  ASSERT_TRUE(run_until_ended(token));
  EXPECT_EQ(text_of(client_.outcomes[token].payload), "done");
  EXPECT_TRUE(run_until({&server_, &client_},
                        [&] { return server_.driver().server_status(server_id_).state == ServerState::kClosed; }));
}

TEST_P(DriverEnds, NoCallFailsWhereverInTheHandshakeTheServiceCloses) {
  constexpr int kSteps = 10;  // more than a handshake has
  for (int steps = 0; steps < kSteps; ++steps) {
    server_id_ = server_.serve(address_);
    const ClientId client = client_.connect(address_);
    const std::uint64_t token = client_.call(client, "hello");
    for (int step = 0; step < steps; ++step) (step % 2 == 0 ? client_ : server_).run();
    server_.driver().close_server(server_id_, std::chrono::seconds(60));
    ASSERT_TRUE(run_until({&client_, &server_}, [&] {
      return server_.driver().server_status(server_id_).state == ServerState::kClosed;
    })) << steps;
    server_id_ = server_.serve(address_);
    ASSERT_TRUE(run_until_ended(token)) << steps;
    EXPECT_EQ(text_of(client_.outcomes[token].payload), "hello") << steps << client_.outcomes[token].message;
    client_.driver().close_client(client);
    server_.driver().close_server(server_id_, Duration::zero());
    run_idle({&client_, &server_});
  }
}

TEST_P(DriverEnds, CloseCancelsWhatRunsWhenTheGraceIsOver) {
  const ClientId client = connected();
  server_.handle = Endpoint::keep;
  const std::uint64_t token = client_.call(client, "x");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !server_.requests.empty(); }));
  server_.driver().close_server(server_id_, std::chrono::milliseconds(1));
  ASSERT_TRUE(run_until_ended(token));
  EXPECT_EQ(client_.outcomes[token].code, Code::kUnavailable);
  EXPECT_TRUE(client_.outcomes[token].sent_maybe);
  EXPECT_EQ(server_.cancelled.size(), 1U);
}

TEST_P(DriverEnds, ClosingAClientEndsItsCalls) {
  const ClientId client = connected();
  server_.handle = Endpoint::keep;
  const std::uint64_t token = client_.call(client, "x");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !server_.requests.empty(); }));
  client_.driver().close_client(client);
  ASSERT_TRUE(run_until_ended(token));
  EXPECT_EQ(client_.outcomes[token].code, Code::kCancelled);
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return server_.cancelled.size() == 1; }));
  EXPECT_EQ(client_.try_call(client, 9, {}).error().code, Code::kFailedPrecondition);
}

TEST_P(DriverEnds, NothingIsKeptOfAClosedClient) {
  const ClientId kept = connected();
  const ClientId closed = client_.connect(address_);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(closed, ClientState::kReady); }));
  client_.driver().close_client(closed);
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return client_.driver().generation(closed) == nullptr; }));
  EXPECT_NE(client_.driver().generation(kept), nullptr);
}

TEST_P(DriverEnds, AfterARestartNewCallsWorkAndLostOnesSaySo) {
  const ClientId client = connected();
  server_.handle = Endpoint::keep;
  const std::uint64_t lost = client_.call(client, "lost");
  CallOptions idempotent;
  idempotent.idempotent = true;
  const std::uint64_t repeated = client_.call(client, "again", idempotent);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.requests.size() == 2; }));
  server_.driver().close_server(server_id_, Duration::zero());
  ASSERT_TRUE(run_until_ended(lost));
  EXPECT_EQ(client_.outcomes[lost].code, Code::kUnavailable);
  EXPECT_TRUE(client_.outcomes[lost].sent_maybe);
  EXPECT_EQ(client_.outcomes[lost].message, "echo() was not answered: the peer closed the connection");
  const std::uint64_t waiting = client_.call(client, "waits");
  server_.handle = Endpoint::echo;
  server_.serve(address_, {"other", "echo"});  // the numbers have changed, the names have not
  ASSERT_TRUE(run_until_ended(waiting) && run_until_ended(repeated));
  EXPECT_EQ(text_of(client_.outcomes[waiting].payload), "waits");
  EXPECT_EQ(text_of(client_.outcomes[repeated].payload), "again");
  EXPECT_TRUE(client_.is(client, ClientState::kReady));
}

TEST_P(DriverEnds, ALongCallThatWasNotSentWholeGoesToTheNextServer) {
  Endpoint caller(testing_support::with_system(faulty_));
  server_id_ = server_.serve(address_);
  const ClientId client = caller.connect(address_);
  ASSERT_TRUE(run_until({&server_, &caller}, [&] { return caller.is(client, ClientState::kReady); }));
  // In shared memory it would be a single frame.
  faulty_.on_memfd = testing_support::fail_with(EMFILE);
  const Buffer payload = pattern(5'000'000, 3);
  CallOptions impatient;
  impatient.wait_for_ready = false;
  const std::uint64_t patient_one = caller.call(client, as_text(payload));
  const std::uint64_t impatient_one = caller.call(client, as_text(payload), impatient);
  server_.driver().close_server(server_id_, Duration::zero());
  ASSERT_TRUE(run_until({&server_, &caller}, [&] { return caller.ended(impatient_one); }));
  EXPECT_EQ(caller.outcomes[impatient_one].code, Code::kUnavailable);
  EXPECT_FALSE(caller.outcomes[impatient_one].sent_maybe);
  EXPECT_FALSE(caller.ended(patient_one));
  faulty_.on_memfd = nullptr;
  server_.serve(address_);
  ASSERT_TRUE(run_until({&server_, &caller}, [&] { return caller.ended(patient_one); }));
  EXPECT_EQ(caller.outcomes[patient_one].code, Code::kOk);
  EXPECT_EQ(server_.requests.size(), 1U);
}

TEST_P(DriverEnds, WithoutWaitingACallFailsAtOnceWhileThereIsNoConnection) {
  const ClientId client = client_.connect(address_);
  CallOptions options;
  options.wait_for_ready = false;
  const Error error = client_.try_call(client, 1, {}, options).error();
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_EQ(error.message, "echo() could not be sent: there is no connection to " + address_);
}

TEST_P(DriverEnds, TheFirstConnectionFailsWhenPatienceEnds) {
  ConnectOptions options;
  options.addresses = {address_};
  options.connect_timeout = std::chrono::milliseconds(20);
  const ClientId client = client_.connect(options);
  const std::uint64_t token = client_.call(client, "x");
  ASSERT_TRUE(run_until({&client_}, [&] { return client_.ended(token) && !client_.client_states.empty(); }));
  EXPECT_EQ(client_.outcomes[token].code, Code::kUnavailable);
  EXPECT_FALSE(client_.outcomes[token].sent_maybe);
  EXPECT_NE(client_.last(client).message.find(address_), std::string::npos) << client_.last(client).message;
  EXPECT_EQ(client_.outcomes[token].message, "echo() could not be sent: " + client_.last(client).message);
}

INSTANTIATE_TEST_SUITE_P(Transports, DriverEnds, testing::Values("unix", "shm", "inproc"),
                         [](const auto& param) { return std::string(param.param); });

// The calls end with the service, between two runs, and some are answered before the next.
TEST(SharedDriver, TellsOfNoCancellationOfACallThatHasBeenAnswered) {
  const testing_support::TemporaryDirectory directory;
  DriverOptions shared;
  shared.shared_by_threads = true;
  Endpoint server(shared);
  Endpoint client;
  const std::string address = "unix://" + (directory / "calc");
  const ServerId service = server.serve(address);
  server.handle = Endpoint::keep;
  const ClientId caller = client.connect(address);
  constexpr std::size_t kCalls = 100;
  for (std::size_t i = 0; i < kCalls; ++i) client.call(caller, "x");
  ASSERT_TRUE(run_until({&server, &client}, [&] { return server.requests.size() == kCalls; }));
  server.driver().close_server(service, Duration::zero());
  std::vector<RequestKey> unanswered;
  for (std::size_t i = 0; i < kCalls; ++i) {
    const RequestKey key = server.requests[i].key;
    if (i % 2 == 0) {
      server.driver().reply(key, {});
    } else {
      unanswered.push_back(key);
    }
  }
  run_idle({&server});
  std::sort(server.cancelled.begin(), server.cancelled.end(),
            [](const RequestKey& one, const RequestKey& other) { return one.id < other.id; });
  EXPECT_EQ(server.cancelled, unanswered);
}

}  // namespace
}  // namespace ipcbridge
