#pragma once

#include <sys/stat.h>

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/support/endpoint.hpp"
#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/support.hpp"

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

  // Where other users can reach it, some of whom may come in.
  ServerId serve_to_others(const AllowList& allow) {
    EXPECT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
    ServeOptions options;
    options.address = address_;
    options.mode = 0666;
    options.methods = {"echo"};
    options.allow = allow;
    return server_.serve(options);
  }

  // The status of a child that needs the service to end.
  int served_until_it_ends(Child& child) {
    while (child.running()) server_.run();
    return child.wait();
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
