#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "core/naming/name_lock.hpp"
#include "core/rpc/hello.hpp"
#include "core/transport/socket.hpp"
#include "core/transport/unix_channel.hpp"
#include "tests/core/support/endpoint.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::run_idle;
using testing_support::run_until;
using testing_support::text_of;

class TakeoverTest : public testing::Test {
 protected:
  ServeOptions options(Takeover takeover, Duration timeout = std::chrono::seconds(60)) {
    ServeOptions options;
    options.address = address_;
    options.methods = {"echo"};
    options.takeover = takeover;
    options.takeover_timeout = timeout;
    return options;
  }
  static ServerState state(Endpoint& endpoint, ServerId server) {
    return endpoint.driver().server_status(server).state;
  }

  // A service in another process, which is another owner of the name in every way.
  std::unique_ptr<testing_support::Child> serve_elsewhere() {
    auto child = std::make_unique<testing_support::Child>([this] {
      Endpoint endpoint;
      const ServerId server = endpoint.serve(address_, {"old"});
      run_until({&endpoint}, [&] { return state(endpoint, server) == ServerState::kClosed; });
      return endpoint.last(server).code == Code::kAborted ? 0 : 1;
    });
    Endpoint probe;
    const ClientId client = probe.connect(address_);
    EXPECT_TRUE(run_until({&probe}, [&] { return probe.is(client, ClientState::kReady); }));
    return child;
  }

  testing_support::TemporaryDirectory directory_;
  std::string address_ = "unix://" + (directory_ / "calc");
  Endpoint endpoint_;
};

// Somebody tidied the directory up: the next service could not know of this one, and must not lose its socket to it.
TEST_F(TakeoverTest, AServiceThatLostItsLockLeavesTheSocketOfTheNextAlone) {
  const ServerId first = endpoint_.serve(options(Takeover::kFail));
  ASSERT_EQ(::unlink((directory_ / "calc").c_str()), 0);
  ASSERT_EQ(::unlink((directory_ / "calc.lock").c_str()), 0);
  Endpoint next;
  next.serve(options(Takeover::kFail));
  run_idle({&endpoint_, &next});
  endpoint_.driver().close_server(first, Duration::zero());
  Endpoint caller;
  const ClientId client = caller.connect(address_);
  EXPECT_TRUE(run_until({&endpoint_, &next, &caller}, [&] { return caller.is(client, ClientState::kReady); }));
}

TEST_F(TakeoverTest, AServiceThatLostItsLockIsNotDisplaced) {
  const ServerId first = endpoint_.serve(options(Takeover::kFail));
  ASSERT_EQ(::unlink((directory_ / "calc.lock").c_str()), 0);
  Endpoint next;
  const ServerId refused = next.serve(options(Takeover::kFail));
  run_idle({&endpoint_, &next});
  EXPECT_EQ(next.last(refused).code, Code::kAlreadyExists);
  const ServerId second = next.serve(options(Takeover::kReplace));
  ASSERT_TRUE(run_until({&endpoint_, &next}, [&] { return state(next, second) == ServerState::kListening; }));
  EXPECT_EQ(state(endpoint_, first), ServerState::kClosed);
}

// It has no lock beside its socket.
TEST_F(TakeoverTest, TheSocketOfAnotherProgramIsLeftAlone) {
  const std::string path = directory_ / "calc";
  const Fd other = listen_unix(System::real(), path, 0600).value();
  const ServerId server = endpoint_.serve(options(Takeover::kFail));
  run_idle({&endpoint_});
  EXPECT_EQ(endpoint_.last(server).code, Code::kAlreadyExists);
  EXPECT_NE(endpoint_.last(server).message.find(path), std::string::npos);
  ASSERT_TRUE(accept_unix(System::real(), other.get()).value().valid()) << "the question whether it listens";
  const Fd client = connect_unix(System::real(), path).value();
  EXPECT_TRUE(accept_unix(System::real(), other.get()).value().valid());
}

TEST_F(TakeoverTest, FailSaysWhoHasTheName) {
  const auto other = serve_elsewhere();
  const ServerId server = endpoint_.serve(options(Takeover::kFail));
  ASSERT_TRUE(run_until({&endpoint_}, [&] { return !endpoint_.server_states.empty(); }));
  EXPECT_EQ(endpoint_.last(server).code, Code::kAlreadyExists);
  EXPECT_NE(endpoint_.last(server).message.find("process "), std::string::npos);
}

TEST_F(TakeoverTest, WaitGivesUpWhenItsTimeIsOver) {
  const auto other = serve_elsewhere();
  const ServerId server = endpoint_.serve(options(Takeover::kWait, std::chrono::milliseconds(30)));
  ASSERT_TRUE(run_until({&endpoint_}, [&] { return !endpoint_.server_states.empty(); }));
  EXPECT_EQ(endpoint_.last(server).code, Code::kAlreadyExists);
}

TEST_F(TakeoverTest, WaitListensWhenTheOtherDies) {
  auto other = serve_elsewhere();
  const ServerId server = endpoint_.serve(options(Takeover::kWait));
  run_idle({&endpoint_});
  EXPECT_EQ(state(endpoint_, server), ServerState::kStarting);
  other->kill(SIGKILL);
  EXPECT_TRUE(run_until({&endpoint_}, [&] { return state(endpoint_, server) == ServerState::kListening; }));
}

TEST_F(TakeoverTest, ReplaceMakesTheOtherGiveUpTheName) {
  const auto other = serve_elsewhere();
  const ServerId server = endpoint_.serve(options(Takeover::kReplace));
  ASSERT_TRUE(run_until({&endpoint_}, [&] { return state(endpoint_, server) == ServerState::kListening; }));
  EXPECT_EQ(other->wait(), 0) << "the other closes with `aborted`";
}

TEST_F(TakeoverTest, AServerThatWasStoppedStaysWhenWhoeverAskedHasGivenUp) {
  const auto other = serve_elsewhere();
  other->stop();
  const ServerId server = endpoint_.serve(options(Takeover::kReplace, std::chrono::milliseconds(30)));
  ASSERT_TRUE(run_until({&endpoint_}, [&] { return state(endpoint_, server) == ServerState::kClosed; }));
  EXPECT_EQ(endpoint_.last(server).code, Code::kAlreadyExists);
  other->kill(SIGCONT);
  Endpoint caller;
  const std::uint64_t token = caller.call(caller.connect(address_), "after the question", {}, "old");
  ASSERT_TRUE(run_until({&caller}, [&] { return caller.ended(token); }));
  EXPECT_EQ(caller.outcomes[token].code, Code::kOk);
  Endpoint next;
  const ServerId refused = next.serve(options(Takeover::kFail));
  ASSERT_TRUE(run_until({&next}, [&] { return !next.server_states.empty(); }));
  EXPECT_EQ(next.last(refused).code, Code::kAlreadyExists) << "the other still has the name";
}

TEST_F(TakeoverTest, AServerThatWasStoppedGivesWayToWhoeverStillWaits) {
  const auto other = serve_elsewhere();
  other->stop();
  const ServerId server = endpoint_.serve(options(Takeover::kReplace));
  run_idle({&endpoint_});
  EXPECT_EQ(state(endpoint_, server), ServerState::kStarting);
  other->kill(SIGCONT);
  ASSERT_TRUE(run_until({&endpoint_}, [&] { return state(endpoint_, server) == ServerState::kListening; }));
  EXPECT_EQ(other->wait(), 0);
}

// Whoever has the name and does not answer is played by the test.
class UnansweredTakeoverTest : public TakeoverTest {
 protected:
  Fd next_question(Endpoint& asking) {
    Fd question;
    const auto asked = [&] {
      question = accept_unix(System::real(), listener_.get()).value();
      return question.valid();
    };
    EXPECT_TRUE(run_until({&asking}, asked));
    return question;
  }
  static bool withdrawn(const Fd& question) { return is_hung_up(System::real(), question.get()); }

  NameLock lock_ = NameLock::acquire(System::real(), directory_ / "calc").value();
  Fd listener_ = listen_unix(System::real(), directory_ / "calc", 0600).value();
};

TEST_F(UnansweredTakeoverTest, TheQuestionIsAskedAgainWhileItMayYetBeAnswered) {
  DriverOptions impatient;
  impatient.handshake_timeout = std::chrono::milliseconds(20);
  Endpoint asking(impatient);
  asking.serve(options(Takeover::kReplace));
  const Fd first = next_question(asking);
  EXPECT_FALSE(withdrawn(first));
  const Fd second = next_question(asking);
  EXPECT_TRUE(withdrawn(first));
  EXPECT_FALSE(withdrawn(second));
}

// A server says HELLO before it looks at the other's.
TEST_F(UnansweredTakeoverTest, AHelloIsNoAnswer) {
  const ServerId server = endpoint_.serve(options(Takeover::kReplace, std::chrono::milliseconds(100)));
  Fd question = next_question(endpoint_);
  const int socket = question.get();
  UnixChannel channel(System::real(), std::move(question), local_peer(socket).value());
  const Buffer hello = encode_hello({});
  const ConstBytes body(hello);
  ASSERT_TRUE(channel.write(testing_support::header_of(FrameType::kHello, 0, hello.size()), std::span(&body, 1)));
  bool too_early = false;
  ASSERT_TRUE(run_until({&endpoint_}, [&] {
    if (state(endpoint_, server) == ServerState::kClosed) return true;
    too_early = too_early || is_hung_up(System::real(), socket);
    return false;
  }));
  EXPECT_FALSE(too_early);
  EXPECT_TRUE(is_hung_up(System::real(), socket)) << "it gives up, and says so";
}

TEST_F(TakeoverTest, ServingANameAgainInOneProcessReplaces) {
  const ServerId first = endpoint_.serve(address_, {"old"});
  ASSERT_TRUE(run_until({&endpoint_}, [&] { return state(endpoint_, first) == ServerState::kListening; }));
  const ServerId second = endpoint_.serve(options(Takeover::kWait));
  ASSERT_TRUE(run_until({&endpoint_}, [&] { return state(endpoint_, second) == ServerState::kListening; }));
  Endpoint client;
  const ClientId id = client.connect(address_);
  const std::uint64_t token = client.call(id, "new");
  ASSERT_TRUE(run_until({&endpoint_, &client}, [&] { return client.ended(token); }));
  EXPECT_EQ(text_of(client.outcomes[token].payload), "new");
}

TEST_F(TakeoverTest, AnotherDriverOfTheSameProcessIsReplacedAsWell) {
  Endpoint old;
  const ServerId first = old.serve(address_);
  const ServerId second = endpoint_.serve(options(Takeover::kWait));
  ASSERT_TRUE(run_until({&old, &endpoint_}, [&] { return state(endpoint_, second) == ServerState::kListening; }));
  EXPECT_EQ(state(old, first), ServerState::kClosed);
}

TEST_F(TakeoverTest, SoIsOneWithoutASocket) {
  address_ = "inproc://calc";
  Endpoint old;
  const ServerId first = old.serve(address_);
  const ServerId second = endpoint_.serve(options(Takeover::kWait));
  ASSERT_TRUE(run_until({&old, &endpoint_}, [&] { return state(endpoint_, second) == ServerState::kListening; }));
  EXPECT_EQ(state(old, first), ServerState::kClosed);
}

TEST_F(TakeoverTest, TwoServicesOfOneNameWithinAProcessFailOnlyWhenTold) {
  Endpoint old;
  old.serve(address_);
  const ServerId second = endpoint_.serve(options(Takeover::kFail));
  run_idle({&old, &endpoint_});
  EXPECT_EQ(endpoint_.last(second).code, Code::kAlreadyExists);
}

TEST_F(TakeoverTest, AFileThatIsNoSocketIsLeftAlone) {
  const std::string path = directory_ / "calc";
  { const Fd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); }
  const ServerId server = endpoint_.serve(options(Takeover::kReplace));
  run_idle({&endpoint_});
  EXPECT_EQ(endpoint_.last(server).code, Code::kFailedPrecondition);
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
}

TEST_F(TakeoverTest, CallsThatWaitGoToTheSuccessor) {
  const ServerId first = endpoint_.serve(address_);
  Endpoint client;
  const ClientId id = client.connect(address_);
  ASSERT_TRUE(run_until({&endpoint_, &client}, [&] { return client.is(id, ClientState::kReady); }));
  endpoint_.driver().close_server(first, std::chrono::seconds(60));
  ASSERT_TRUE(run_until({&endpoint_, &client}, [&] { return !client.is(id, ClientState::kReady); }));
  const std::uint64_t token = client.call(id, "waits");
  endpoint_.serve(address_);
  ASSERT_TRUE(run_until({&endpoint_, &client}, [&] { return client.ended(token); }));
  EXPECT_EQ(client.outcomes[token].code, Code::kOk);
}

// The old server has said goodbye before the client looks.
TEST_F(TakeoverTest, ACallThatCrossesTheGoodbyeIsAnswered) {
  const ServerId first = endpoint_.serve(address_);
  Endpoint client;
  const ClientId id = client.connect(address_);
  ASSERT_TRUE(run_until({&endpoint_, &client}, [&] { return client.is(id, ClientState::kReady); }));
  endpoint_.driver().close_server(first, std::chrono::seconds(60));
  CallOptions impatient;
  impatient.wait_for_ready = false;
  const std::uint64_t token = client.call(id, "crosses", impatient);
  ASSERT_TRUE(run_until({&endpoint_, &client}, [&] { return client.ended(token); }));
  EXPECT_EQ(client.outcomes[token].code, Code::kOk);
  EXPECT_TRUE(run_until({&endpoint_, &client}, [&] { return state(endpoint_, first) == ServerState::kClosed; }));
}

}  // namespace
}  // namespace ipcbridge
