// A client that connects with its first call.
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/endpoint/connected_drivers.hpp"

namespace ipcbridge {
namespace {

using testing_support::run_idle;
using testing_support::run_until;

class LazyClients : public testing_support::ConnectedDrivers {
 protected:
  ClientId lazily(Duration connect_timeout = std::chrono::seconds(10)) {
    ConnectOptions options;
    options.addresses = {address_};
    options.connect_timeout = connect_timeout;
    options.lazy = true;
    return client_.connect(options);
  }
};

TEST_P(LazyClients, ItConnectsWithItsFirstCall) {
  server_id_ = server_.serve(address_);
  const ClientId client = lazily();
  run_idle({&server_, &client_});
  EXPECT_EQ(server_.driver().server_status(server_id_).connections, 0U);
  EXPECT_EQ(client_.driver().client_status(client).state, ClientState::kDisconnected);
  const std::uint64_t token = client_.call(client, "hello");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
  EXPECT_EQ(as_text(client_.outcomes[token].payload), "hello");
  EXPECT_TRUE(client_.is(client, ClientState::kReady));
}

TEST_P(LazyClients, WhereNobodyIsFoundTheNextCallTriesAgain) {
  const ClientId client = lazily(std::chrono::milliseconds(20));
  const std::uint64_t token = client_.call(client, "hello");
  ASSERT_TRUE(run_until({&client_}, [&] { return client_.ended(token); }));
  EXPECT_EQ(client_.outcomes[token].code, Code::kUnavailable);
  EXPECT_FALSE(client_.outcomes[token].sent_maybe);
  EXPECT_TRUE(client_.is(client, ClientState::kDisconnected));
  server_id_ = server_.serve(address_);
  const std::uint64_t again = client_.call(client, "hello");
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(again); }));
  EXPECT_EQ(client_.outcomes[again].code, Code::kOk);
}

INSTANTIATE_TEST_SUITE_P(Transports, LazyClients, testing::Values("shm", "unix", "inproc"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace ipcbridge
