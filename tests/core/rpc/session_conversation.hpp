#pragma once

#include <random>

#include <gtest/gtest.h>

#include "tests/core/rpc/session_pair.hpp"

namespace ipcbridge::testing_support {

// Two users of Sessions, each with act(random), finish(random), which answers and lets everything flow, and side():
// they do as they like, and what they write arrives now and then; then all of it does.
template <typename User>
void converse(User& client, User& server, std::mt19937& random) {
  Progress status;
  for (int step = 0; step < 4000; ++step) {
    (random() % 2 == 0 ? client : server).act(random);
    for (auto moved = random() % 3; moved > 0 && status.ok(); --moved) {
      random() % 2 == 0 ? deliver_one(client.side(), server.side(), status)
                        : deliver_one(server.side(), client.side(), status);
    }
    ASSERT_TRUE(status.ok()) << status.why().message() << " at step " << step;
  }
  for (bool moved = true; moved || client.has_work() || server.has_work();) {
    client.finish(random);
    server.finish(random);
    moved = deliver_one(client.side(), server.side(), status);
    ASSERT_TRUE(status.ok()) << status.why().message();
    moved = deliver_one(server.side(), client.side(), status) || moved;
    ASSERT_TRUE(status.ok()) << status.why().message();
  }
}

}  // namespace ipcbridge::testing_support
