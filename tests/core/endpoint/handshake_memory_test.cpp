// What unfinished handshakes may make a service hold.
#include "core/endpoint/handshake_memory.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/transport/socket.hpp"
#include "tests/core/support/endpoint.hpp"
#include "tests/core/support/process.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::header_of;
using testing_support::resident_bytes;
using testing_support::run_until;
using testing_support::TemporaryDirectory;
using testing_support::text_of;

TEST(HandshakeMemoryTest, CountsForItsUserAndForAll) {
  Account server(100'000);
  Account one(60'000);
  Account two(60'000);
  HandshakeMemory first({&server, &one});
  HandshakeMemory second({&server, &two});
  EXPECT_TRUE(first.hold(50'000));
  EXPECT_FALSE(second.hold(51'000)) << "more than is left for all";
  EXPECT_TRUE(second.hold(50'000));
  EXPECT_FALSE(first.hold(61'000)) << "more than its user may";
  EXPECT_EQ(server.bytes(), 50'000U) << "who held too much holds nothing";
  second.close();
  EXPECT_EQ(server.bytes(), 0U);
}

TEST(HandshakeMemoryTest, AUsualHelloIsFree) {
  Account server(1);
  Account user(1);
  HandshakeMemory memory({&server, &user});
  EXPECT_TRUE(memory.hold(4096));
  EXPECT_FALSE(memory.hold(4097));
}

// How much may stay with the allocator; AddressSanitizer's keeps what was freed for a while.
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kKeptShare = 2;
#else
constexpr std::uint64_t kKeptShare = 8;
#endif

// Peers who say most of a long HELLO and then nothing more.
class UnfinishedHandshakes : public testing::Test {
 protected:
  static constexpr std::size_t kPeers = 300;
  static constexpr std::size_t kHelloBytes = 1000UL * 1024;

  void come(std::size_t count) {
    const FrameHeader header = header_of(FrameType::kHello, 0, kMaxHelloBody);
    const Buffer most(kHelloBytes, std::byte{'x'});
    for (std::size_t i = 0; i < count; ++i) {
      peers_.push_back(connect_unix(System::real(), path_).value());
      say(peers_.back(), std::as_bytes(std::span(&header, 1)));
      say(peers_.back(), most);
    }
  }

  void say(const Fd& peer, ConstBytes bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) bytes = bytes.subspan(static_cast<std::size_t>(sent));
      if (sent < 0 && errno != EAGAIN) return;
      server_.run();
    }
  }

  void expect_service() {
    const ClientId client = client_.connect(address_);
    const std::uint64_t token = client_.call(client, "still here");
    ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
    EXPECT_EQ(text_of(client_.outcomes[token].payload), "still here") << client_.outcomes[token].message;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_ / "calc";
  std::string address_ = "unix://" + path_;
  Endpoint server_;
  Endpoint client_;
  std::vector<Fd> peers_;
};

TEST_F(UnfinishedHandshakes, HoldABoundedAmountTogetherAndGiveItBack) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "ThreadSanitizer keeps several times what the program has, AddressSanitizer what it has freed";
#endif
  const ServerId server = server_.serve(address_);
  expect_service();
  const std::uint64_t before = resident_bytes();
  come(kPeers);
  const std::uint64_t most = ServeOptions{}.max_handshake_bytes;
  EXPECT_LT(resident_bytes(), before + most) << "300 MB were sent";
  expect_service();
  peers_.clear();
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return server_.driver().server_status(server).connections == 2; }));
  EXPECT_LT(resident_bytes(), before + most / kKeptShare) << "it stays with the allocator";
}

TEST_F(UnfinishedHandshakes, AreRefusedWithTheReason) {
  ServeOptions options;
  options.address = address_;
  options.methods = {"echo"};
  options.max_handshake_bytes = 64UL * 1024;
  server_.serve(options);
  come(1);
  std::string said(4096, '\0');
  const ssize_t got = ::recv(peers_.front().get(), said.data(), said.size(), 0);
  ASSERT_GT(got, 0);
  EXPECT_NE(said.find("unfinished"), std::string::npos);
}

// A service of many methods says much itself, and may wait long until it is read.
TEST_F(UnfinishedHandshakes, CountWhatTheServiceSaysAsWell) {
  ServeOptions options;
  options.address = address_;
  for (int i = 0; i < 20'000; ++i) options.methods.push_back("method_with_a_long_name_" + std::to_string(i));
  options.max_handshake_bytes = 2UL * 1024 * 1024;
  server_.serve(options);
  for (int i = 0; i < 10; ++i) {
    peers_.push_back(connect_unix(System::real(), path_).value());
    while (server_.run()) {
    }
  }
  std::size_t refused = 0;
  for (const Fd& peer : peers_) {
    std::string said(4UL * 1024 * 1024, '\0');
    std::size_t size = 0;
    ssize_t got = 0;
    while ((got = ::recv(peer.get(), said.data() + size, said.size() - size, MSG_DONTWAIT)) > 0) {
      size += static_cast<std::size_t>(got);
    }
    if (got == 0 || errno == ECONNRESET) ++refused;
  }
  EXPECT_GT(refused, 0U);
  EXPECT_LT(refused, peers_.size()) << "there is room for some";
}

}  // namespace
}  // namespace ipcbridge
