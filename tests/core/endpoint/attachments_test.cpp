// What is attached to calls and answers, from one Driver to another.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/endpoint/driver.hpp"
#include "tests/core/endpoint/connected_drivers.hpp"
#include "tests/core/support/faulty_system.hpp"
#include "tests/core/support/process.hpp"

namespace ipcbridge {
namespace {

using testing_support::ConnectedDrivers;
using testing_support::Endpoint;
using testing_support::is_pattern;
using testing_support::pattern;
using testing_support::run_idle;
using testing_support::run_until;

Attachment filled(BlobRef blob, std::uint32_t seed) {
  const Buffer content = pattern(blob->size(), seed);
  std::copy(content.begin(), content.end(), blob->data());
  return Attachment(std::move(blob));
}

class AttachmentsOverDrivers : public ConnectedDrivers {
 protected:
  bool is_shared() const { return std::string(GetParam()) != "unix"; }
  void let_go() {
    server_.requests.clear();
    client_.outcomes.clear();
    run_idle({&server_, &client_});
  }
};

INSTANTIATE_TEST_SUITE_P(Transports, AttachmentsOverDrivers, testing::Values("unix", "shm", "inproc"),
                         [](const auto& param) { return std::string(param.param); });

TEST_P(AttachmentsOverDrivers, ArriveBothWays) {
  const ClientId client = connected();
  Attachments sent;
  for (const std::size_t size : {0UL, 1UL, 4096UL, 16'385UL, 100'000UL, 3'000'000UL}) {
    sent.push_back(filled(make_heap_blob(size), static_cast<std::uint32_t>(size)));
  }
  for (const std::size_t body : {0UL, 100UL, 70'000UL}) {
    const std::string payload(body, 'p');
    const std::uint64_t token = client_.call_attaching(client, payload, sent);
    ASSERT_TRUE(run_until_ended(token));
    const Endpoint::Ended& ended = client_.outcomes[token];
    ASSERT_EQ(ended.code, Code::kOk) << ended.message;
    EXPECT_EQ(as_text(ended.payload), payload);
    ASSERT_EQ(ended.attachments.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
      EXPECT_EQ(ended.attachments[i].bytes.size(), sent[i].bytes.size());
      EXPECT_TRUE(is_pattern(ended.attachments[i].bytes, static_cast<std::uint32_t>(sent[i].bytes.size())));
    }
    let_go();
  }
}

TEST_P(AttachmentsOverDrivers, WhatIsMadeInTheMemoryOfTheConnectionIsSeenThere) {
  const ClientId client = connected();
  const Driver::Allocator allocate = client_.driver().allocator(client);
  EXPECT_EQ(static_cast<bool>(allocate), is_shared());
  if (!allocate) return;
  server_.handle = Endpoint::keep;
  const Attachments sent{filled(allocate(1'000'000).value(), 1)};
  client_.call_attaching(client, "x", sent);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !server_.requests.empty(); }));
  const Attachment& received = server_.requests[0].attachments.at(0);
  EXPECT_TRUE(is_pattern(received.bytes, 1));
  EXPECT_TRUE(received.memory->is_shared());
  sent[0].bytes[0] ^= std::byte{0xFF};
  EXPECT_EQ(received.bytes[0], sent[0].bytes[0]);
}

TEST_P(AttachmentsOverDrivers, OutliveTheirConnectionAndTheirDriver) {
  const std::size_t mapped = testing_support::mapped_segments();
  Attachment received;
  {
    Endpoint server;
    Endpoint client;
    server.handle = Endpoint::keep;
    const ServerId service = server.serve(address_);
    const ClientId id = client.connect(address_);
    const Attachments sent{filled(make_heap_blob(1'000'000), 1)};
    client.call_attaching(id, "x", sent);
    ASSERT_TRUE(run_until({&server, &client}, [&] { return !server.requests.empty(); }));
    received = server.requests[0].attachments.at(0);
    client.driver().close_client(id);
    ASSERT_TRUE(run_until({&server, &client}, [&] { return server.driver().server_status(service).connections == 0; }));
    EXPECT_TRUE(is_pattern(received.bytes, 1));
  }
  EXPECT_TRUE(is_pattern(received.bytes, 1));
  received = {};
  EXPECT_EQ(testing_support::mapped_segments(), mapped);
}

TEST_P(AttachmentsOverDrivers, ABlobOfAnEndedConnectionMayBeSentOverAnother) {
  const ClientId client = connected();
  const Driver::Allocator allocate = client_.driver().allocator(client);
  const BlobRef blob = allocate ? allocate(500'000).value() : make_heap_blob(500'000);
  const Attachments sent{filled(blob, 1)};
  server_.driver().close_server(server_id_, Duration::zero());
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return !client_.is(client, ClientState::kReady); }));
  if (allocate) {
    EXPECT_EQ(allocate(10).value(), nullptr) << "its peer may still look at what it had";
  }
  server_.serve(address_);
  const std::uint64_t token = client_.call_attaching(client, "x", sent);
  ASSERT_TRUE(run_until_ended(token));
  EXPECT_TRUE(is_pattern(client_.outcomes[token].attachments.at(0).bytes, 1));
}

TEST_P(AttachmentsOverDrivers, WhatOneConnectionBringsMayBeSentOverAnother) {
  const ClientId client = connected();
  Endpoint other;
  const std::string elsewhere = address_ + "2";
  other.serve(elsewhere);
  const ClientId second = client_.connect(elsewhere);
  const Driver::Allocator allocate = client_.driver().allocator(client);
  const Attachments sent{filled(allocate ? allocate(500'000).value() : make_heap_blob(500'000), 1)};
  const std::uint64_t token = client_.call_attaching(client, "x", sent);
  ASSERT_TRUE(run_until_ended(token));
  const Attachments received = client_.outcomes[token].attachments;
  const std::uint64_t further = client_.call_attaching(second, "x", received);
  const std::uint64_t own = client_.call_attaching(second, "x", sent);
  ASSERT_TRUE(run_until({&server_, &client_, &other}, [&] { return client_.ended(further) && client_.ended(own); }));
  EXPECT_TRUE(is_pattern(client_.outcomes[further].attachments.at(0).bytes, 1));
  EXPECT_TRUE(is_pattern(client_.outcomes[own].attachments.at(0).bytes, 1));
}

TEST_P(AttachmentsOverDrivers, ASteadyStateTakesNoMoreMemory) {
  const ClientId client = connected();
  std::size_t mapped = 0;
  for (int round = 0; round < 60; ++round) {
    const Attachments sent{filled(make_heap_blob(300'000), 1)};
    const std::uint64_t token = client_.call_attaching(client, std::string(50'000, 'x'), sent);
    ASSERT_TRUE(run_until_ended(token));
    EXPECT_TRUE(is_pattern(client_.outcomes[token].attachments.at(0).bytes, 1));
    let_go();
    if (round == 5) mapped = testing_support::mapped_segments();
  }
  EXPECT_EQ(testing_support::mapped_segments(), mapped);
}

TEST_P(AttachmentsOverDrivers, AreReadWhereTheyCannotBeMappedAndSentWhereTheyCannotBeShared) {
  Endpoint caller(testing_support::with_system(faulty_));
  server_.serve(address_);
  const ClientId client = caller.connect(address_);
  ASSERT_TRUE(run_until({&server_, &caller}, [&] { return caller.is(client, ClientState::kReady); }));
  faulty_.on_mmap = testing_support::fail_with(ENOMEM);
  const Attachments sent{filled(make_heap_blob(300'000), 1)};
  for (int round = 0; round < 3; ++round) {
    const std::uint64_t token = caller.call_attaching(client, "x", sent);
    ASSERT_TRUE(run_until({&server_, &caller}, [&] { return caller.ended(token); }));
    ASSERT_EQ(caller.outcomes[token].code, Code::kOk) << caller.outcomes[token].message;
    EXPECT_TRUE(is_pattern(caller.outcomes[token].attachments.at(0).bytes, 1));
  }
}

TEST_P(AttachmentsOverDrivers, OfACallThatWaitsForAServiceAreSentToIt) {
  const ClientId client = client_.connect(address_);
  const Attachments sent{filled(make_heap_blob(300'000), 1)};
  const std::uint64_t token = client_.call_attaching(client, "x", sent);
  run_idle({&client_});
  server_.serve(address_);
  ASSERT_TRUE(run_until_ended(token));
  EXPECT_TRUE(is_pattern(client_.outcomes[token].attachments.at(0).bytes, 1));
}

TEST_P(AttachmentsOverDrivers, OfManyCallsAtATimeArrive) {
  const ClientId client = connected();
  std::vector<std::uint64_t> tokens;
  for (std::uint32_t i = 0; i < 40; ++i) {
    const Attachments sent{filled(make_heap_blob(200'000), i)};
    tokens.push_back(client_.call_attaching(client, "x", sent));
  }
  for (std::uint32_t i = 0; i < 40; ++i) {
    ASSERT_TRUE(run_until_ended(tokens[i]));
    EXPECT_TRUE(is_pattern(client_.outcomes[tokens[i]].attachments.at(0).bytes, i));
  }
}

TEST(AttachmentsOfADriver, GiveBackMemoryThatHasNotBeenUsedForAWhile) {
  const testing_support::TemporaryDirectory directory;
  testing_support::FaultySystem system;
  Endpoint server(testing_support::with_system(system));
  Endpoint client(testing_support::with_system(system));
  const std::string address = "shm://" + (directory / "calc");
  server.serve(address);
  const ClientId id = client.connect(address);
  ASSERT_TRUE(run_until({&server, &client}, [&] { return client.is(id, ClientState::kReady); }));
  const std::size_t mapped = testing_support::mapped_segments();
  const Attachments sent{filled(make_heap_blob(300'000), 1)};
  const std::uint64_t token = client.call_attaching(id, "x", sent);
  ASSERT_TRUE(run_until({&server, &client}, [&] { return client.ended(token); }));
  EXPECT_GT(testing_support::mapped_segments(), mapped);
  server.requests.clear();
  client.outcomes.clear();
  run_idle({&server, &client});
  for (int i = 0; i < 3; ++i) {
    system.pass(std::chrono::seconds(6));
    run_idle({&server, &client});
  }
  EXPECT_EQ(testing_support::mapped_segments(), mapped);
  const std::uint64_t again = client.call_attaching(id, "x", sent);
  ASSERT_TRUE(run_until({&server, &client}, [&] { return client.ended(again); }));
  EXPECT_TRUE(is_pattern(client.outcomes[again].attachments.at(0).bytes, 1));
}

// Written to by whoever receives them, which the sender does not see.
TEST(AttachmentsOfADriver, MayBeWritable) {
  const testing_support::TemporaryDirectory directory;
  Endpoint server([] {
    DriverOptions options;
    options.copy_on_write = true;
    return options;
  }());
  Endpoint client;
  const std::string address = "shm://" + (directory / "calc");
  server.handle = Endpoint::keep;
  server.serve(address);
  const ClientId id = client.connect(address);
  ASSERT_TRUE(run_until({&server, &client}, [&] { return client.is(id, ClientState::kReady); }));
  const BlobRef blob = client.driver().allocator(id)(100'000).value();
  const Attachments sent{filled(blob, 1)};
  client.call_attaching(id, "one", sent);
  client.call_attaching(id, "two", sent);
  ASSERT_TRUE(run_until({&server, &client}, [&] { return server.requests.size() == 2; }));
  for (auto& request : server.requests) {
    EXPECT_TRUE(is_pattern(request.attachments.at(0).bytes, 1));
    EXPECT_TRUE(request.attachments[0].memory->is_writable());
    std::memset(request.attachments[0].bytes.data(), 9, 100'000);
  }
  server.requests.pop_back();
  EXPECT_EQ(server.requests[0].attachments[0].bytes[0], std::byte{9});
  EXPECT_TRUE(is_pattern(blob->bytes(), 1));
}

}  // namespace
}  // namespace ipcbridge
