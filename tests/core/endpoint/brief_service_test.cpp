// Services that do not stay: one that ends each connection as soon as it is open, one that comes back.
#include <sys/socket.h>

#include <string>

#include <gtest/gtest.h>

#include "core/rpc/hello.hpp"
#include "core/transport/socket.hpp"
#include "tests/core/support/endpoint.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::header_of;
using testing_support::run_until;

class BriefServiceTest : public testing::Test {
 protected:
  // Runs until the client has been ready for so many times. `goodbye`: the service says it.
  void open_and_end(int times, bool goodbye) {
    int opened = 0;
    EXPECT_TRUE(run_until({&client_}, [&] {
      if (!peer_.valid()) {
        peer_ = accept_unix(System::real(), listener_.get()).value();
        if (peer_.valid()) send(FrameType::kHello, encode_hello(Hello{}));
      }
      if (peer_.valid() && client_.is(id_, ClientState::kReady)) {
        ++opened;
        if (goodbye) send(FrameType::kGoaway, {});
        peer_.reset();
      }
      return opened == times;
    }));
  }

  void send(FrameType type, ConstBytes body) const {
    Buffer frame;
    append(frame, header_of(type, 0, body.size()));
    append(frame, body);
    EXPECT_EQ(::send(peer_.get(), frame.data(), frame.size(), MSG_NOSIGNAL), static_cast<ssize_t>(frame.size()));
  }

  testing_support::TemporaryDirectory directory_;
  std::string path_ = directory_ / "calc";
  Fd listener_ = listen_unix(System::real(), path_, 0600).value();
  Endpoint client_;
  ClientId id_ = client_.connect("unix://" + path_);
  Fd peer_;
};

// The pauses grow to 100 ms, and twice that between two connections makes an end of them: whatever the machine does,
// so many cannot take less.
constexpr int kConnections = 12;
constexpr Duration kLeast = std::chrono::milliseconds(200);

TEST_F(BriefServiceTest, IsTriedAgainWithPausesThatGrow) {
  const TimePoint begun = Clock::now();
  open_and_end(kConnections, false);
  EXPECT_GE(Clock::now() - begun, kLeast);
}

TEST_F(BriefServiceTest, IsTriedAgainWithPausesAlsoWhenItSaysGoodbye) {
  const TimePoint begun = Clock::now();
  open_and_end(kConnections, true);
  EXPECT_GE(Clock::now() - begun, kLeast);
}

TEST_F(BriefServiceTest, IsTriedOnceMoreByWhoeverTriesOnce) {
  Endpoint server;
  ServeOptions served;
  served.address = "unix://" + (directory_ / "other");
  served.methods = {"echo"};
  ServerId service = server.serve(served);
  ConnectOptions once;
  once.addresses = {served.address};
  once.connect_timeout = Duration::zero();
  const ClientId client = client_.connect(once);
  ASSERT_TRUE(run_until({&server, &client_}, [&] { return client_.is(client, ClientState::kReady); }));

  server.driver().close_server(service, Duration::zero());
  ASSERT_TRUE(run_until({&server, &client_}, [&] { return client_.is(client, ClientState::kDisconnected); }));
  const std::uint64_t in_vain = client_.call(client, "hello");
  ASSERT_TRUE(run_until({&server, &client_}, [&] { return client_.ended(in_vain); }));
  EXPECT_EQ(client_.outcomes[in_vain].code, Code::kUnavailable);

  service = server.serve(served);
  const std::uint64_t token = client_.call(client, "hello");
  ASSERT_TRUE(run_until({&server, &client_}, [&] { return client_.ended(token); }));
  EXPECT_EQ(client_.outcomes[token].code, Code::kOk);
}

}  // namespace
}  // namespace ipcbridge
