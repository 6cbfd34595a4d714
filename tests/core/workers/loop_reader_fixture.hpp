#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/workers/loop_reader.hpp"
#include "tests/core/support/endpoint.hpp"

namespace ipcbridge {

// A server whose method "plain" is for a pool, and "async" for its loop.
class LoopReaderTest : public testing::Test {
 protected:
  LoopReaderTest() {
    batch_.use(table_, slab_);
    ServeOptions options;
    options.address = address_;
    options.methods = {"plain", "async"};
    const ServerId server = driver_->serve(options).value();
    reader_.add_pool(server, {true, false}, pool_);
    client_ = connect(clients_);
  }

  ClientId connect(testing_support::Endpoint& endpoint) {
    const ClientId client = endpoint.connect(address_);
    while (!endpoint.is(client, ClientState::kReady)) {
      run();
      endpoint.run();
    }
    return client;
  }
  // Reads until there is nothing more.
  void run() {
    while (reader_.run(*driver_)) {
    }
  }
  std::uint64_t call(const std::string& method, std::string_view payload) {
    const std::uint64_t token = clients_.call(client_, payload, {}, method);
    testing_support::run_idle({&clients_});
    return token;
  }
  std::string take() {
    InboundCall call;
    return reader_.take(call) ? testing_support::text_of(call.payload) : "nothing";
  }
  std::string take_from_pool() {
    InboundCall call;
    return pool_->take_back(call) ? testing_support::text_of(call.payload) : "nothing";
  }

  testing_support::TemporaryDirectory directory_;
  std::string address_ = "shm://" + (directory_ / "calc");
  std::unique_ptr<Driver> driver_ = std::move(Driver::create({})).value();
  std::vector<std::uint32_t> table_ = std::vector<std::uint32_t>(1024 * EventRow::kWords);
  Buffer slab_ = Buffer(4 * EventBatch::kMinSlabBytes);
  EventBatch batch_;
  StreamTable streams_;
  LoopReader reader_{batch_, streams_};
  std::shared_ptr<HandlerPool> pool_ = std::make_shared<HandlerPool>(1);
  testing_support::Endpoint clients_;
  ClientId client_ = 0;
};

}  // namespace ipcbridge
