// Transports that take their time to connect: those of this machine tell at once, and the endpoints must not rely on
// it.
#include "core/endpoint/dial.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/bell.hpp"
#include "core/transport/transports.hpp"
#include "tests/core/support/endpoint.hpp"
#include "tests/core/support/support.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::is_readable;
using testing_support::run_idle;
using testing_support::run_until;
using testing_support::TemporaryDirectory;
using testing_support::text_of;

// The machine's own, but each attempt waits until the test lets it go on, which takes it as many steps as the test
// says.
class SlowTransports final : public Transports {
 public:
  struct Attempt {
    Bell bell = std::move(Bell::create(System::real())).value();
    int steps = 1;
    bool cancelled = false;
  };

  std::unique_ptr<Connector> connect(System& system, const Address& address) override {
    attempts.push_back(std::make_shared<Attempt>());
    return std::make_unique<SlowConnector>(attempts.back(), [this, &system, address] {
      return std::move(*Transports::connect(system, address)->advance());
    });
  }

  std::vector<std::shared_ptr<Attempt>> attempts;

 private:
  class SlowConnector final : public Connector {
   public:
    SlowConnector(std::shared_ptr<Attempt> attempt, std::function<Outcome()> connect)
        : attempt_(std::move(attempt)), connect_(std::move(connect)) {}
    ~SlowConnector() override { attempt_->cancelled = !over_; }

    std::optional<Outcome> advance() override {
      if (!is_readable(attempt_->bell.fd())) return std::nullopt;
      attempt_->bell.silence();
      if (--attempt_->steps > 0) return std::nullopt;
      over_ = true;
      return connect_();
    }
    int fd() const override { return attempt_->bell.fd(); }

   private:
    std::shared_ptr<Attempt> attempt_;
    std::function<Outcome()> connect_;
    bool over_ = false;
  };
};

class DialTest : public testing::Test {
 protected:
  DriverOptions slow() {
    DriverOptions options;
    options.transports = &transports_;
    options.handshake_timeout = handshake_timeout_;
    return options;
  }

  SlowTransports::Attempt& attempt(std::size_t number) { return *transports_.attempts.at(number); }

  TemporaryDirectory directory_;
  std::string address_ = "unix://" + (directory_ / "calc");
  SlowTransports transports_;
  Duration handshake_timeout_ = std::chrono::seconds(5);
  Endpoint server_;
  Endpoint client_{slow()};
};

TEST_F(DialTest, ACallWaitsForTheConnection) {
  server_.serve(address_);
  const ClientId client = client_.connect(address_);
  const std::uint64_t token = client_.call(client, "late");
  run_idle({&server_, &client_});
  EXPECT_FALSE(client_.ended(token));
  EXPECT_FALSE(client_.is(client, ClientState::kReady));
  attempt(0).bell.ring();
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(token); }));
  EXPECT_EQ(text_of(client_.outcomes[token].payload), "late");
}

TEST_F(DialTest, AnAttemptMayTakeManySteps) {
  server_.serve(address_);
  const ClientId client = client_.connect(address_);
  attempt(0).steps = 3;
  for (int step = 0; step < 3; ++step) {
    EXPECT_FALSE(client_.is(client, ClientState::kReady));
    attempt(0).bell.ring();
    run_idle({&server_, &client_});
  }
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReady); }));
}

TEST_F(DialTest, AnAttemptThatFailsLateIsRepeated) {
  const ClientId client = client_.connect(address_);
  attempt(0).bell.ring();  // nobody listens
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return transports_.attempts.size() == 2; }));
  server_.serve(address_);
  attempt(1).bell.ring();
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReady); }));
}

TEST_F(DialTest, ToCloseCancelsTheAttempt) {
  const ClientId client = client_.connect(address_);
  client_.driver().close_client(client);
  EXPECT_TRUE(attempt(0).cancelled);
  attempt(0).bell.ring();
  run_idle({&client_});
  EXPECT_TRUE(client_.is(client, ClientState::kClosed));
}

TEST_F(DialTest, TheEndOfPatienceCancelsTheAttempt) {
  ConnectOptions options;
  options.addresses = {address_};
  options.connect_timeout = std::chrono::milliseconds(20);
  const ClientId client = client_.connect(options);
  ASSERT_TRUE(run_until({&client_}, [&] { return client_.is(client, ClientState::kClosed); }));
  EXPECT_EQ(client_.last(client).code, Code::kUnavailable);
  EXPECT_TRUE(attempt(0).cancelled);
}

TEST_F(DialTest, TheEndOfTheDriverCancelsTheAttempt) {
  auto driver = std::make_unique<Endpoint>(slow());
  driver->connect(address_);
  driver.reset();
  EXPECT_TRUE(attempt(0).cancelled);
}

TEST_F(DialTest, WhoTriesOnceWaitsForThatOneAttempt) {
  server_.serve(address_);
  ConnectOptions options;
  options.addresses = {address_};
  options.connect_timeout = Duration::zero();
  const ClientId client = client_.connect(options);
  run_idle({&server_, &client_});
  EXPECT_FALSE(client_.is(client, ClientState::kClosed));
  attempt(0).bell.ring();
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReady); }));
}

// Each address of a list for itself: who answers serves, whatever the others do.
TEST_F(DialTest, ASlowAddressKeepsNoOtherWaiting) {
  server_.serve(address_);
  ConnectOptions options;
  options.addresses = {"unix://" + (directory_ / "slow"), address_};
  const ClientId client = client_.connect(options);
  attempt(1).bell.ring();
  EXPECT_TRUE(run_until({&server_, &client_}, [&] { return client_.is(client, ClientState::kReady); }));
}

class ImpatientDial : public DialTest {
 protected:
  ImpatientDial() {
    handshake_timeout_ = std::chrono::milliseconds(20);
    impatient_ = std::make_unique<Endpoint>(slow());
  }
  std::unique_ptr<Endpoint> impatient_;
};

TEST_F(ImpatientDial, AnAddressThatNeverAnswersIsTriedAgain) {
  server_.serve(address_);
  const ClientId client = impatient_->connect(address_);
  ASSERT_TRUE(run_until({&server_, impatient_.get()}, [&] { return transports_.attempts.size() == 2; }));
  EXPECT_TRUE(attempt(0).cancelled);
  attempt(1).bell.ring();
  EXPECT_TRUE(run_until({&server_, impatient_.get()}, [&] { return impatient_->is(client, ClientState::kReady); }));
}

TEST_F(DialTest, AServerAsksToReplaceOneThatIsSlowToReach) {
  const ServerId old = server_.serve(address_);
  ServeOptions options;
  options.address = address_;
  options.takeover = Takeover::kReplace;
  options.methods = {"echo"};
  const ServerId fresh = client_.serve(options);
  ASSERT_EQ(transports_.attempts.size(), 1U);
  attempt(0).bell.ring();
  EXPECT_TRUE(run_until({&server_, &client_}, [&] {
    return client_.driver().server_status(fresh).state == ServerState::kListening &&
           server_.driver().server_status(old).state == ServerState::kClosed;
  }));
}

}  // namespace
}  // namespace ipcbridge
