#pragma once

#include <string>

#include <gtest/gtest.h>

#include "tests/core/support/endpoint.hpp"
#include "tests/core/support/faulty_system.hpp"

namespace ipcbridge::testing_support {

// Two Drivers, one of which serves, over each transport by its name.
class ConnectedDrivers : public testing::TestWithParam<const char*> {
 protected:
  ConnectedDrivers()
      : address_(std::string(GetParam()) == "inproc" ? "inproc://calc"
                                                     : std::string(GetParam()) + "://" + (directory_ / "calc")) {}

  // A client of `server_`, connected.
  ClientId connected() {
    server_id_ = server_.serve(address_);
    const ClientId client = client_.connect(address_);
    EXPECT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReady); }));
    return client;
  }
  bool run_until_ended(std::uint64_t token) {
    return run_until({&server_, &client_}, [&] { return client_.ended(token); });
  }

  FaultySystem faulty_;  // for a Driver of a test's own; in one process the other side's channel has it as well
  TemporaryDirectory directory_;
  std::string address_;
  Endpoint server_;
  Endpoint client_;
  ServerId server_id_ = 0;
};

}  // namespace ipcbridge::testing_support
