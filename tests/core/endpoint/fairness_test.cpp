#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/endpoint.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::run_idle;
using testing_support::run_until;

// A consumer that takes 64 events at a time has many connections with much to say, and one that says little.
class AConsumerInACrowd : public testing::TestWithParam<const char*> {
 protected:
  static constexpr std::size_t kCrowd = 40;
  static constexpr std::size_t kCallsOfEach = 200;

  AConsumerInACrowd() {
    server_.serve(address_);
    for (std::size_t i = 0; i < kCrowd; ++i) clients_.push_back(crowd_.connect(address_));
    calm_client_ = calm_.connect(address_);
    run_idle({&server_, &crowd_, &calm_});
  }

  void all_call() {
    for (std::size_t i = 0; i < kCallsOfEach; ++i) {
      for (const ClientId client : clients_) crowd_.call(client, "x");
    }
  }

  testing_support::TemporaryDirectory directory_;
  std::string address_ = std::string(GetParam()) + "://" + (directory_ / "calc");
  Endpoint server_;
  Endpoint crowd_;
  Endpoint calm_;
  std::vector<ClientId> clients_;
  ClientId calm_client_ = 0;
};

TEST_P(AConsumerInACrowd, ReadsACallBehindAFewOfEachOther) {
  all_call();
  for (int i = 0; i < 10; ++i) {
    const std::uint64_t token = calm_.call(calm_client_, "y");
    const std::size_t before = server_.requests.size();
    ASSERT_TRUE(run_until({&server_, &crowd_, &calm_}, [&] { return calm_.ended(token); }));
    EXPECT_LE(server_.requests.size() - before, 4 * kCrowd);
  }
  EXPECT_TRUE(run_until({&server_, &crowd_}, [&] { return crowd_.outcomes.size() == kCrowd * kCallsOfEach; }));
}

TEST_P(AConsumerInACrowd, ReadsACallBetweenTheCancellationsOfThoseWhoHaveGone) {
  server_.handle = Endpoint::keep;
  all_call();
  run_idle({&server_, &crowd_});
  ASSERT_EQ(server_.requests.size(), kCrowd * kCallsOfEach);
  for (const ClientId client : clients_) crowd_.driver().close_client(client);
  server_.run();
  server_.handle = Endpoint::echo;
  const std::uint64_t token = calm_.call(calm_client_, "y");
  ASSERT_TRUE(run_until({&server_, &calm_}, [&] { return calm_.ended(token); }));
  EXPECT_LT(server_.cancelled.size(), 4 * 64U);
  EXPECT_TRUE(run_until({&server_}, [&] { return server_.cancelled.size() == kCrowd * kCallsOfEach; }));
}

INSTANTIATE_TEST_SUITE_P(Transports, AConsumerInACrowd, testing::Values("shm", "unix"),
                         [](const auto& instance) { return std::string(instance.param); });

}  // namespace
}  // namespace ipcbridge
