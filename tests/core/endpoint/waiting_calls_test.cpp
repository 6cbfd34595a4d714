// Calls that cannot be sent, or not to the end, and connections that are in the middle of their handshake.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/rpc/hello.hpp"
#include "core/transport/socket.hpp"
#include "tests/core/support/endpoint.hpp"
#include "tests/core/support/faulty_system.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::header_of;
using testing_support::pattern;
using testing_support::run_until;
using testing_support::text_of;

CallOptions soon() {
  CallOptions options;
  options.timeout = std::chrono::milliseconds(30);
  return options;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A service that reads a part of the first call on each connection, and dies of it.
class MortalService {
 public:
  explicit MortalService(const std::string& path) : listener_(listen_unix(System::real(), path, 0600).value()) {}

  void run() {
    if (!peer_.valid()) {
      peer_ = accept_unix(System::real(), listener_.get()).value();
      if (!peer_.valid()) return;
      Hello hello;
      hello.methods = {"echo"};
      const Buffer body = encode_hello(hello);
      const FrameHeader header = header_of(FrameType::kHello, 0, body.size());
      ASSERT_EQ(::send(peer_.get(), &header, sizeof header, MSG_NOSIGNAL), static_cast<ssize_t>(sizeof header));
      ASSERT_EQ(::send(peer_.get(), body.data(), body.size(), MSG_NOSIGNAL), static_cast<ssize_t>(body.size()));
      read_ = 0;
      return;
    }
    std::array<std::byte, 16384> bytes{};
    ssize_t got = 0;
    while ((got = ::recv(peer_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0) {
      read_ += static_cast<std::size_t>(got);
    }
    if (read_ < 50'000) return;
    ++deaths;
    peer_.reset();
  }

  int deaths = 0;

 private:
  Fd listener_;
  Fd peer_;
  std::size_t read_ = 0;
};

class WaitingCalls : public testing::Test {
 protected:
  ServerId serve(std::uint32_t max_pending_calls, std::uint64_t max_pending_bytes) {
    ServeOptions options;
    options.address = address_;
    options.methods = {"echo"};
    options.limits.max_pending_calls = max_pending_calls;
    options.limits.max_pending_bytes = max_pending_bytes;
    server_.handle = Endpoint::keep;
    return server_.serve(options);
  }
  std::string message_of(std::uint64_t token) {
    EXPECT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
    EXPECT_EQ(client_.outcomes[token].code, Code::kDeadlineExceeded);
    EXPECT_FALSE(client_.outcomes[token].sent_maybe);
    return client_.outcomes[token].message;
  }

  testing_support::TemporaryDirectory directory_;
  std::string path_ = directory_ / "calc";
  std::string address_ = "unix://" + path_;
  Endpoint server_;
  Endpoint client_;
};

TEST_F(WaitingCalls, SayThatTheyWaitedForTheLimitOfCalls) {
  serve(2, 1'000'000);
  const ClientId client = client_.connect(address_);
  for (int i = 0; i < 2; ++i) client_.call(client, "first");
  const std::string message = message_of(client_.call(client, "late", soon()));
  EXPECT_TRUE(contains(message, "could not be sent before its deadline")) << message;
  EXPECT_TRUE(contains(message, "takes 2 calls")) << message;
}

TEST_F(WaitingCalls, SayThatTheyWaitedForTheLimitOfBytes) {
  serve(100, 20'000);
  const ClientId client = client_.connect(address_);
  client_.call(client, text_of(pattern(15'000, 1)));
  const std::string message = message_of(client_.call(client, text_of(pattern(15'000, 1)), soon()));
  EXPECT_TRUE(contains(message, "takes 20000 bytes")) << message;
}

TEST_F(WaitingCalls, SayThatTheyWaitedForAConnection) {
  const ClientId client = client_.connect(address_);
  const std::string message = message_of(client_.call(client, "early", soon()));
  EXPECT_TRUE(contains(message, "waited for a connection to " + address_)) << message;
}

// It may have run, so to say that it could not be sent would be wrong.
TEST_F(WaitingCalls, SayThatTheyWereSentBeforeTheirConnectionWasLost) {
  const ServerId server = serve(100, 1'000'000);
  const ClientId client = client_.connect(address_);
  CallOptions repeated = soon();
  repeated.timeout = std::chrono::milliseconds(300);
  repeated.idempotent = true;
  const std::uint64_t token = client_.call(client, "again", repeated);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.requests.size() == 1; }));
  server_.driver().close_server(server, Duration::zero());
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
  EXPECT_EQ(client_.outcomes[token].code, Code::kDeadlineExceeded);
  EXPECT_TRUE(client_.outcomes[token].sent_maybe);
  EXPECT_EQ(client_.outcomes[token].message,
            "echo() was sent, but its connection was lost, and it could not be sent again before its deadline: "
            "it waited for a connection to " +
                address_);
}

// The first call's handler waits for the last one, which would have room if the one between them were not there.
TEST_F(WaitingCalls, AreSentWhenTheOneBeforeThemIsGivenUp) {
  serve(100, 20'000);
  const ClientId client = client_.connect(address_);
  client_.call(client, text_of(pattern(15'000, 1)));
  const std::uint64_t too_long = client_.call(client, text_of(pattern(15'000, 1)));
  client_.call(client, "short");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.requests.size() == 1; }));
  client_.driver().cancel(client, too_long);
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return server_.requests.size() == 2; }));
  EXPECT_EQ(client_.driver().client_status(client).queued_calls, 0U);
}

TEST_F(WaitingCalls, AreSentWhenTheOneBeforeThemIsTooLate) {
  serve(100, 20'000);
  const ClientId client = client_.connect(address_);
  client_.call(client, text_of(pattern(15'000, 1)));
  client_.call(client, text_of(pattern(15'000, 1)), soon());
  client_.call(client, "short");
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return server_.requests.size() == 2; }));
}

// Of two services the one that is full has the fewer calls, and would be the next by that.
TEST_F(WaitingCalls, DoNotWaitForOneServiceWhereAnotherHasRoom) {
  serve(1, 1'000'000);
  const std::string other = address_ + "2";
  server_.serve(other, {"echo"});
  ConnectOptions options;
  options.addresses = {address_, other};
  const ClientId client = client_.connect(options);
  const auto ready = [&](const LinkStatus& link) { return link.state == ClientState::kReady; };
  ASSERT_TRUE(run_until({&server_, &client_}, [&] {
    const std::vector<LinkStatus> links = client_.driver().client_status(client).links;
    return std::all_of(links.begin(), links.end(), ready);
  }));
  for (int i = 0; i < 10; ++i) client_.call(client, "x");
  EXPECT_EQ(client_.driver().client_status(client).queued_calls, 0U);
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return server_.requests.size() == 10; }));
}

TEST_F(WaitingCalls, AreNotSentForEverToAServiceThatDiesOfThem) {
  MortalService mortal(path_);
  const ClientId client = client_.connect(address_);
  const std::uint64_t token = client_.call(client, text_of(pattern(4'000'000, 1)));
  ASSERT_TRUE(run_until({&client_}, [&] {
    mortal.run();
    return client_.ended(token);
  }));
  EXPECT_EQ(mortal.deaths, 5);
  EXPECT_EQ(client_.outcomes[token].code, Code::kUnavailable);
  EXPECT_FALSE(client_.outcomes[token].sent_maybe) << "it was never sent to the end";
  EXPECT_TRUE(contains(client_.outcomes[token].message, "echo() could not be sent: 5 connections"))
      << client_.outcomes[token].message;
}

// The handshake's own timeout must not be what ends the wait.
DriverOptions patient(System& system) {
  DriverOptions options = testing_support::with_system(system);
  options.handshake_timeout = std::chrono::hours(1);
  return options;
}

class ClosingServer : public testing::Test {
 protected:
  bool closed(ServerId server) { return server_.driver().server_status(server).state == ServerState::kClosed; }

  testing_support::TemporaryDirectory directory_;
  std::string path_ = directory_ / "calc";
  testing_support::FaultySystem system_;
  Endpoint server_{patient(system_)};
  Endpoint client_{patient(System::real())};
};

TEST_F(ClosingServer, DoesNotWaitForAPeerInTheMiddleOfItsHandshake) {
  const ServerId server = server_.serve("shm://" + path_);
  const Fd silent = connect_unix(System::real(), path_).value();
  server_.run();
  server_.driver().close_server(server, std::chrono::hours(1));
  EXPECT_TRUE(run_until({&server_}, [&] { return closed(server); }));
}

// The last word of its handshake and its first call are there, and nobody has read them yet.
TEST_F(ClosingServer, ServesTheCallsOfAClientThatHasEndedItsHandshake) {
  const ServerId server = server_.serve("shm://" + path_);
  const ClientId client = client_.connect("shm://" + path_);
  const std::uint64_t token = client_.call(client, "hello");
  while (!client_.is(client, ClientState::kReady)) {
    server_.run();
    client_.run();
  }
  ASSERT_EQ(server_.driver().server_status(server).connections, 0U) << "its handshake is over here, too";
  server_.driver().close_server(server, std::chrono::hours(1));
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
  EXPECT_EQ(client_.outcomes[token].code, Code::kOk) << client_.outcomes[token].message;
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return closed(server); }));
}

// So long that nobody looked at its connection any more: what it wrote into its ring is looked for all the same.
TEST_F(ClosingServer, ServesTheCallsOfAClientThatTookItsTimeForTheHandshake) {
  const ServerId server = server_.serve("shm://" + path_);
  const ClientId client = client_.connect("shm://" + path_);
  const std::uint64_t token = client_.call(client, "hello");
  for (int turns = 0; turns < 10; ++turns) {
    system_.pass(std::chrono::milliseconds(50));
    server_.run();
    server_.driver().prepare_sleep();
  }
  while (!client_.is(client, ClientState::kReady)) client_.run();
  server_.driver().close_server(server, std::chrono::hours(1));
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
  EXPECT_EQ(client_.outcomes[token].code, Code::kOk) << client_.outcomes[token].message;
}

CallOptions impatient() {
  CallOptions options;
  options.wait_for_ready = false;
  return options;
}

TEST_F(WaitingCalls, FailWithTheirConnectionIfTheyAreNotToWaitForOne) {
  const ServerId server = serve(1, 1'000'000);
  const ClientId client = client_.connect(address_);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReady); }));
  client_.call(client, "runs", impatient());
  std::vector<std::uint64_t> waiting;
  for (int i = 0; i < 5; ++i) waiting.push_back(client_.call(client, "waits", impatient()));
  const std::uint64_t patient = client_.call(client, "waits");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.requests.size() == 1; }));
  server_.driver().close_server(server, Duration::zero());
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.outcomes.size() == 6; }));
  for (const std::uint64_t token : waiting) {
    EXPECT_EQ(client_.outcomes[token].code, Code::kUnavailable);
    EXPECT_FALSE(client_.outcomes[token].sent_maybe);
    EXPECT_TRUE(contains(client_.outcomes[token].message, "could not be sent")) << client_.outcomes[token].message;
  }
  EXPECT_FALSE(client_.ended(patient));
}

class FirstCalls : public testing::Test {
 protected:
  static constexpr std::size_t kServices = 4;

  ConnectOptions list() {
    ConnectOptions options;
    for (std::size_t i = 0; i < kServices; ++i) {
      options.addresses.push_back("unix://" + (directory_ / ("calc" + std::to_string(i))));
    }
    return options;
  }

  testing_support::TemporaryDirectory directory_;
  std::vector<std::unique_ptr<Endpoint>> services_;
  Endpoint client_;
};

TEST_F(FirstCalls, AreSpreadOverTheWholeListAlthoughOneServiceAnswersTheHandshakeFirst) {
  const ConnectOptions options = list();
  for (const std::string& address : options.addresses) {
    services_.push_back(std::make_unique<Endpoint>());
    services_.back()->handle = Endpoint::keep;
    services_.back()->serve(address);
  }
  const ClientId client = client_.connect(options);
  for (int i = 0; i < 100; ++i) client_.call(client, "early");
  // One after the other: each has all the time there is to take all calls.
  for (std::size_t i = 0; i < kServices; ++i) {
    for (int j = 0; j < 10; ++j) {
      services_[i]->run();
      client_.run();
    }
    if (i == 0) {
      for (int more = 0; more < 100; ++more) client_.call(client, "while one is open");
    }
  }
  std::size_t received = 0;
  ASSERT_TRUE(
      run_until({&client_, services_[0].get(), services_[1].get(), services_[2].get(), services_[3].get()}, [&] {
        received = 0;
        for (const auto& service : services_) received += service->requests.size();
        return received == 200;
      }));
  for (const auto& service : services_) EXPECT_GE(service->requests.size(), 40U);
}

TEST_F(FirstCalls, DoNotWaitLongForAServiceThatSaysNothing) {
  const ConnectOptions options = list();
  services_.push_back(std::make_unique<Endpoint>());
  services_.back()->handle = Endpoint::keep;
  services_.back()->serve(options.addresses[0]);
  const Fd silent =
      listen_unix(System::real(), options.addresses[1].substr(std::string("unix://").size()), 0600).value();
  const ClientId client = client_.connect(options);
  for (int i = 0; i < 10; ++i) client_.call(client, "early");
  EXPECT_TRUE(run_until({&client_, services_[0].get()}, [&] { return services_[0]->requests.size() == 10; }));
}

}  // namespace
}  // namespace ipcbridge
