// Which side has dialled says nothing of who calls.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "core/rpc/hello.hpp"
#include "core/rpc/message.hpp"
#include "core/transport/socket.hpp"
#include "core/transport/unix_channel.hpp"
#include "tests/core/support/endpoint.hpp"
#include "tests/core/support/support.hpp"
#include "tests/core/transport/channel_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::Collector;
using testing_support::Endpoint;
using testing_support::run_until;
using testing_support::TemporaryDirectory;
using testing_support::write;

// A service that says its HELLO to who dials; null until somebody has.
std::unique_ptr<UnixChannel> accept_and_greet(const Fd& listener) {
  Fd peer = accept_unix(System::real(), listener.get()).value();
  if (!peer.valid()) return nullptr;
  auto service = std::make_unique<UnixChannel>(System::real(), std::move(peer), LocalPeer{});
  EXPECT_TRUE(write(*service, 0, encode_hello(Hello{}), FrameType::kHello));
  return service;
}

TEST(ClientRequests, AreAnsweredAndTheConnectionStays) {
  const TemporaryDirectory directory;
  const std::string path = directory / "calc";
  const Fd listener = listen_unix(System::real(), path, 0600).value();
  Endpoint client;
  const ClientId id = client.connect("unix://" + path);
  std::unique_ptr<UnixChannel> service;
  ASSERT_TRUE(run_until({&client}, [&] {
    if (!service) service = accept_and_greet(listener);
    return client.is(id, ClientState::kReady);
  }));

  constexpr std::uint64_t kCall = (1ULL << 63U) | 1U;  // of the side that was dialled
  ASSERT_TRUE(write(*service, kCall, encode_request_prefix(Request{})));
  Collector heard;
  ASSERT_TRUE(run_until({&client}, [&] {
    EXPECT_TRUE(service->read(heard, ReadBudget{}, true).ok());
    return !heard.frames.empty() && heard.frames.back().header.call_id == kCall;
  }));
  EXPECT_EQ(heard.frames.back().header.type, FrameType::kError) << "it offers no methods";
  EXPECT_TRUE(client.is(id, ClientState::kReady));
}

}  // namespace
}  // namespace ipcbridge
