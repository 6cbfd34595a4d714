#include "core/endpoint/client_status.hpp"

#include <sys/socket.h>
#include <unistd.h>

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

LinkStatus link(const std::string& address, const std::string& transport, pid_t pid, const std::string& method,
                Duration busy) {
  LinkStatus made;
  made.address = address;
  made.transport = transport;
  made.peer = LocalPeer{pid, 0, 0};
  made.unread_bytes = 10;
  made.busy = PeerActivity{method, busy};
  return made;
}

TEST(ClientStatusTest, OfASingleAddressIsThatOfItsLink) {
  ClientStatus status;
  status.add_address("one");
  status.add(link("one", "shm", 7, "fit", std::chrono::seconds(1)));
  EXPECT_EQ(status.address, "one");
  EXPECT_EQ(status.transport, "shm");
  EXPECT_EQ(status.local_peer()->pid, 7);
  EXPECT_EQ(status.unread_bytes, 10U);
  EXPECT_EQ(status.busy->method, "fit");
  EXPECT_EQ(status.links.size(), 1U);
}

TEST(ClientStatusTest, OfAListTellsOfTheFirstConnectedAndTheBusiest) {
  ClientStatus status;
  LinkStatus absent;
  absent.address = "none";
  for (const char* address : {"none", "one", "two"}) status.add_address(address);
  status.add(absent);
  status.add(link("one", "unix", 7, "fit", std::chrono::seconds(1)));
  status.add(link("two", "shm", 8, "plot", std::chrono::seconds(2)));
  EXPECT_EQ(status.address, "none, one, two");
  EXPECT_EQ(status.transport, "unix");
  EXPECT_EQ(status.local_peer()->pid, 7);
  EXPECT_EQ(status.unread_bytes, 20U);
  EXPECT_EQ(status.busy->method, "plot");
  EXPECT_EQ(status.links.size(), 3U);
}

class StatusOfAClient : public testing::Test {
 protected:
  ClientId connected(const std::vector<std::string>& addresses) {
    service_ = server_.serve(address_);
    ConnectOptions options;
    options.addresses = addresses;
    const ClientId client = client_.connect(options);
    EXPECT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReady); }));
    return client;
  }
  // Why the connection was lost, as its event says.
  Error reason_of_loss() {
    Error why;
    EXPECT_TRUE(run_until({&server_, &client_}, [&] {
      for (const Endpoint::Changed& changed : client_.client_states) {
        if (changed.state != static_cast<std::uint8_t>(ClientState::kReconnecting)) continue;
        why = {changed.code, changed.message};
        return true;
      }
      return false;
    }));
    EXPECT_EQ(why.code, Code::kUnavailable);
    return why;
  }

  testing_support::TemporaryDirectory directory_;
  std::string path_ = directory_ / "calc";
  std::string address_ = "unix://" + path_;
  std::string nobody_ = "shm://" + (directory_ / "nobody");
  Endpoint server_;
  Endpoint client_;
  ServerId service_ = 0;
};

TEST_F(StatusOfAClient, TellsOfEachAddressOfAList) {
  const ClientId client = connected({address_, nobody_});
  const ClientStatus status = client_.driver().client_status(client);
  ASSERT_EQ(status.links.size(), 2U);
  EXPECT_EQ(status.links[0].address, address_);
  EXPECT_EQ(status.links[0].state, ClientState::kReady);
  EXPECT_EQ(status.links[0].transport, "unix");
  EXPECT_EQ(status.links[0].local_peer()->pid, ::getpid());
  EXPECT_EQ(status.links[1].address, nobody_);
  EXPECT_EQ(status.links[1].state, ClientState::kConnecting) << "it has never been found";
  EXPECT_EQ(status.links[1].transport, "");
  EXPECT_FALSE(status.links[1].peer);
}

TEST_F(StatusOfAClient, TellsWhichAddressWasLostAndWhichWasNeverFound) {
  const ClientId client = connected({address_, nobody_});
  server_.driver().close_server(service_, Duration::zero());
  reason_of_loss();
  const ClientStatus status = client_.driver().client_status(client);
  EXPECT_EQ(status.links[0].state, ClientState::kReconnecting);
  EXPECT_EQ(status.links[1].state, ClientState::kConnecting);
}

TEST_F(StatusOfAClient, KeepsItsShapeWhenItIsClosed) {
  const std::vector<std::string> addresses{address_, nobody_};
  const ClientId client = connected(addresses);
  const std::string before = client_.driver().client_status(client).address;
  client_.driver().close_client(client);
  for (int i = 0; i < 2; ++i) {
    const ClientStatus status = client_.driver().client_status(client, addresses);
    EXPECT_EQ(status.state, ClientState::kClosed);
    EXPECT_EQ(status.address, before);
    EXPECT_FALSE(status.peer);
    ASSERT_EQ(status.links.size(), 2U);
    EXPECT_EQ(status.links[1].address, nobody_);
    EXPECT_EQ(status.links[1].state, ClientState::kClosed);
    testing_support::run_idle({&server_, &client_});  // then the Driver has forgotten it
  }
}

TEST_F(StatusOfAClient, SaysThatTheServiceHasSaidGoodbye) {
  connected({address_});
  server_.driver().close_server(service_, Duration::zero());
  EXPECT_EQ(reason_of_loss().message, "the service is closing");
}

// A service that its test speaks for.
class StatusOfAClientOfARawService : public StatusOfAClient {
 protected:
  StatusOfAClientOfARawService() {
    const Fd listener = listen_unix(System::real(), path_, 0600).value();
    const ClientId client = client_.connect(address_);
    EXPECT_TRUE(run_until({&client_}, [&] {
      if (!peer_.valid()) {
        peer_ = accept_unix(System::real(), listener.get()).value();
        if (peer_.valid()) send(FrameType::kHello, 0, encode_hello(Hello{}));
      }
      return client_.is(client, ClientState::kReady);
    }));
  }
  void send(FrameType type, std::uint64_t id, ConstBytes body) const {
    Buffer frame;
    append(frame, header_of(type, id, body.size()));
    append(frame, body);
    EXPECT_EQ(::send(peer_.get(), frame.data(), frame.size(), MSG_NOSIGNAL), static_cast<ssize_t>(frame.size()));
  }

  Fd peer_;
};

TEST_F(StatusOfAClientOfARawService, SaysThatTheServiceHasGone) {
  peer_.reset();
  EXPECT_EQ(reason_of_loss().message, "the peer closed the connection");
}

TEST_F(StatusOfAClientOfARawService, SaysThatTheServiceHasBrokenTheProtocol) {
  send(FrameType::kReply, 1, {});
  EXPECT_EQ(reason_of_loss().message, "the peer broke the protocol: an answer to no call");
}

}  // namespace
}  // namespace ipcbridge
