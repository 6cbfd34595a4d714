// What a client sees of a service that does not answer.
#include "core/shm/activity.hpp"

#include <chrono>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/support/endpoint.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::run_until;

class ActivityTest : public testing::Test {
 protected:
  // A client of `server_` at the address, connected.
  void connect(const std::string& transport) {
    address_ = transport + "://" + (directory_ / "calc");
    server_id_ = server_.serve(address_, {"add", "fit"});
    client_id_ = connect_another(1);
  }
  // The connection that makes `count` of them, open on both sides.
  ClientId connect_another(std::uint64_t count) {
    const ClientId id = client_.connect(address_);
    EXPECT_TRUE(run_until({&server_, &client_}, [&] {
      return client_.is(id, ClientState::kReady) && server_.driver().server_status(server_id_).connections == count;
    }));
    return id;
  }
  ClientStatus status() { return client_.driver().client_status(client_id_); }

  // How a call ends that is made while nobody runs the server.
  std::string message_of_a_timeout() {
    CallOptions options;
    options.timeout = std::chrono::milliseconds(1);
    const std::uint64_t token = client_.call(client_id_, "x", options, "fit");
    EXPECT_TRUE(run_until({&client_}, [&] { return client_.ended(token); }));
    EXPECT_EQ(client_.outcomes[token].code, Code::kDeadlineExceeded);
    return client_.outcomes[token].message;
  }

  testing_support::TemporaryDirectory directory_;
  std::string address_;
  Endpoint server_;
  Endpoint client_;
  ServerId server_id_ = 0;
  ClientId client_id_ = 0;
  TimePoint long_ago_ = Clock::now() - std::chrono::seconds(5);  // but not before the machine was started
};

TEST_F(ActivityTest, OfTheServerShowsInTheStatusOfItsClients) {
  connect("shm");
  EXPECT_FALSE(status().busy.has_value());
  server_.driver().tell_activity(server_id_, shm::Activity{1, long_ago_});
  ASSERT_TRUE(status().busy.has_value());
  EXPECT_EQ(status().busy->method, "fit");
  EXPECT_EQ(status().links.at(0).busy->method, "fit");
  EXPECT_GE(status().busy->time, std::chrono::seconds(5));
  server_.driver().tell_activity(server_id_, std::nullopt);
  EXPECT_FALSE(status().busy.has_value());
}

TEST_F(ActivityTest, IsToldToThoseWhoConnectLater) {
  connect("shm");
  server_.driver().tell_activity(server_id_, shm::Activity{1, long_ago_});
  const ClientId later = connect_another(2);
  EXPECT_TRUE(client_.driver().client_status(later).busy.has_value());
}

TEST_F(ActivityTest, InAMethodThatTheServiceDoesNotHaveIsIgnored) {
  connect("shm");
  server_.driver().tell_activity(server_id_, shm::Activity{2, long_ago_});
  EXPECT_FALSE(status().busy.has_value());
}

TEST_F(ActivityTest, IsNotKnownOverTheSocket) {
  connect("unix");
  server_.driver().tell_activity(server_id_, shm::Activity{1, long_ago_});
  EXPECT_FALSE(status().busy.has_value());
  EXPECT_EQ(message_of_a_timeout(), "fit() was not answered before its deadline");
}

TEST_F(ActivityTest, IsNamedWhenADeadlinePasses) {
  connect("shm");
  server_.driver().tell_activity(server_id_, shm::Activity{1, long_ago_});
  const std::string message = message_of_a_timeout();
  EXPECT_NE(message.find("; the longest running handler of the service is fit(), for 5."), std::string::npos)
      << message;
}

TEST_F(ActivityTest, ACallThatTheServiceHasNotReadSaysSoWhenItsDeadlinePasses) {
  connect("shm");
  EXPECT_EQ(message_of_a_timeout(), "fit() was not answered before its deadline; the service has not read it");
  EXPECT_GT(status().unread_bytes, 0U);
}

TEST_F(ActivityTest, ACallThatTheServiceHasReadDoesNot) {
  connect("shm");
  server_.handle = Endpoint::keep;
  CallOptions options;
  options.timeout = std::chrono::milliseconds(1);
  const std::uint64_t token = client_.call(client_id_, "x", options, "fit");
  ASSERT_TRUE(run_until({&server_}, [&] { return server_.requests.size() == 1; }));
  EXPECT_EQ(status().unread_bytes, 0U);
  // What is sent and not read later is other calls'.
  client_.call(client_id_, "y", {}, "fit");
  ASSERT_TRUE(run_until({&client_}, [&] { return client_.ended(token); }));
  EXPECT_EQ(client_.outcomes[token].message, "fit() was not answered before its deadline");
}

TEST_F(ActivityTest, IsNamedToACallForWhichThereIsNoRoom) {
  connect("shm");
  server_.driver().tell_activity(server_id_, shm::Activity{1, long_ago_});
  for (std::uint32_t i = 0; i < Limits{}.max_pending_calls; ++i) client_.call(client_id_, "x", {}, "fit");
  const std::string message = message_of_a_timeout();
  EXPECT_TRUE(message.starts_with("fit() could not be sent before its deadline: it waited for the service")) << message;
  EXPECT_NE(message.find("; the longest running handler of the service is fit()"), std::string::npos) << message;
}

}  // namespace
}  // namespace ipcbridge
