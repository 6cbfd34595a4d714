#pragma once

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/endpoint.hpp"
#include "tests/core/support.hpp"

namespace ipcbridge::testing_support {

// A service and its clients, each with an operating system that can be made to fail.
class DriverFaults : public testing::Test {
 protected:
  // Everybody else must be served as before.
  void expect_service() {
    const ClientId client = client_.connect(address_);
    const std::uint64_t token = client_.call(client, "still here");
    ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
    EXPECT_EQ(text_of(client_.outcomes[token].payload), "still here") << client_.outcomes[token].message;
  }

  static DriverOptions with(System& system) {
    DriverOptions options;
    options.system = &system;
    options.handshake_timeout = std::chrono::milliseconds(50);
    return options;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_ / "calc";
  std::string address_ = "unix://" + path_;
  FaultySystem server_system_;
  FaultySystem client_system_;
  Endpoint server_{with(server_system_)};
  Endpoint client_{with(client_system_)};
};

}  // namespace ipcbridge::testing_support
