#pragma once

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/rpc/direct_memory.hpp"
#include "tests/core/rpc/session_pair.hpp"

namespace ipcbridge::testing_support {

// Two sessions, which share memory if they are made with some.
class SessionAttachments : public testing::Test {
 protected:
  void make(DirectMemory* of_client, DirectMemory* of_server, Account* of_clients = nullptr,
            Account* of_servers = nullptr) {
    const Limits limits;
    client_ = std::make_unique<SessionSide>(Session::Side::kConnector, limits, limits, of_clients, of_client);
    server_ = std::make_unique<SessionSide>(Session::Side::kAcceptor, limits, limits, of_servers, of_server);
  }
  // The same, with shared memory.
  void make_shared(Account* of_client = nullptr, Account* of_server = nullptr) {
    client_memory_ = std::make_unique<DirectMemory>();
    server_memory_ = std::make_unique<DirectMemory>();
    client_memory_->connect(*server_memory_);
    make(client_memory_.get(), server_memory_.get(), of_client, of_server);
  }

  Result<std::uint64_t> call(std::uint64_t token, const Payload& payload) {
    Request request;
    request.payload = payload.bytes;
    request.attachments = payload.attachments;
    return client_->session.call(token, request);
  }
  std::uint64_t open_argument() {
    EXPECT_TRUE(client_->call_with_streams(99, 1).ok());
    settle_both();
    return client_->opened.at(99).first;
  }
  void settle_both() {
    const Progress progress = settle(*client_, *server_);
    ASSERT_TRUE(progress.ok()) << progress.why().message();
  }

  // What each side needs no more is told to the other.
  void return_all() {
    for (const auto& [side, memory] :
         {std::pair(client_.get(), client_memory_.get()), std::pair(server_.get(), server_memory_.get())}) {
      if (memory == nullptr) continue;
      const std::vector<std::uint64_t> numbers = memory->returned();
      if (!numbers.empty()) side->session.free_blobs(numbers);
    }
    settle_both();
  }

  // When what has arrived is let go.
  void expect_nothing_kept() {
    for (SessionSide* side : {client_.get(), server_.get()}) {
      side->requests.clear();
      side->outcomes.clear();
      side->item_attachments.clear();
      side->ends.clear();
    }
    return_all();
    EXPECT_EQ(client_->session.lent_blobs(), 0U);
    EXPECT_EQ(server_->session.lent_blobs(), 0U);
  }

  std::unique_ptr<DirectMemory> client_memory_;
  std::unique_ptr<DirectMemory> server_memory_;
  std::unique_ptr<SessionSide> client_;
  std::unique_ptr<SessionSide> server_;
};

}  // namespace ipcbridge::testing_support
