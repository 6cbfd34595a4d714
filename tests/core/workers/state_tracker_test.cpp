#include "core/workers/state_tracker.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/workers/blocking_driver_fixture.hpp"

namespace ipcbridge {
namespace {

using testing_support::BlockingDriverTest;
using testing_support::Gate;
using testing_support::make_driver;
using testing_support::Service;

constexpr ClientId kClient = 3;
constexpr StateTracker::Owner kOwner{StateTracker::Kind::kClient, kClient};

class StateTrackerTest : public testing::Test {
 protected:
  void change(ClientState state, Code code = Code::kOk, std::string_view message = {}) {
    tracker_.observe(ClientStateEvent{kClient, state, code, message});
  }

  StateTracker tracker_;
};

TEST_F(StateTrackerTest, KnowsTheLastStateAndWhetherThereWasAGoodOne) {
  EXPECT_FALSE(tracker_.last(kOwner));
  change(ClientState::kConnecting);
  EXPECT_FALSE(tracker_.last(kOwner)->begun);
  change(ClientState::kReady);
  change(ClientState::kClosed, Code::kUnavailable, "gone");
  const auto last = tracker_.last(kOwner);
  EXPECT_EQ(last->state, static_cast<std::uint8_t>(ClientState::kClosed));
  EXPECT_TRUE(last->begun);
  EXPECT_EQ(last->why.code, Code::kUnavailable);
  EXPECT_EQ(last->why.message, "gone");
  EXPECT_FALSE(tracker_.last(StateTracker::server(kClient))) << "servers count separately";
}

TEST_F(StateTrackerTest, ForgetsAnOwnerForGoodWithItsFinalState) {
  change(ClientState::kReady);
  tracker_.forget(kOwner);
  change(ClientState::kReconnecting);
  EXPECT_FALSE(tracker_.last(kOwner));
  change(ClientState::kClosed);
  EXPECT_FALSE(tracker_.last(kOwner));
  change(ClientState::kConnecting);
  EXPECT_TRUE(tracker_.last(kOwner)) << "nothing is left of the one before";
}

TEST_F(StateTrackerTest, KeepsEventsFromTheMomentSomebodyListens) {
  change(ClientState::kConnecting);
  EXPECT_EQ(tracker_.last_event(), 0U);
  tracker_.listen();
  change(ClientState::kConnecting);  // as it was
  change(ClientState::kReady);
  tracker_.observe(CancelEvent{7, {1, 2}});
  tracker_.observe(SaturationEvent{7, {}});
  EXPECT_EQ(tracker_.last_event(), 3U);
  using Kind = StateTracker::TrackedEvent::Kind;
  const auto ready = tracker_.next_event();
  EXPECT_EQ(ready->kind, Kind::kState);
  EXPECT_EQ(ready->owner, kOwner);
  EXPECT_EQ(ready->number, 1U);
  const auto cancel = tracker_.next_event();
  EXPECT_EQ(cancel->kind, Kind::kCancel);
  EXPECT_EQ(cancel->owner, StateTracker::server(7));
  EXPECT_EQ(cancel->call, (RequestKey{1, 2}));
  EXPECT_EQ(tracker_.next_event()->kind, Kind::kSaturation);
}

TEST_F(StateTrackerTest, TellsOfTheStatesOfAnOwnerThatIsForgotten) {
  tracker_.listen();
  tracker_.forget(kOwner);
  change(ClientState::kClosed);
  EXPECT_EQ(tracker_.next_event()->state.state, static_cast<std::uint8_t>(ClientState::kClosed));
}

TEST_F(StateTrackerTest, LetsWhoeverWaitsForAnEventGoWhenItIsStopped) {
  std::thread waiter([&] { EXPECT_FALSE(tracker_.next_event()); });
  tracker_.stop();
  waiter.join();
}

TEST_F(StateTrackerTest, KnowsCancelledCallsUntilTheyAreAnswered) {
  EXPECT_FALSE(tracker_.cancelled({1, 2}));
  tracker_.observe(CancelEvent{7, {1, 2}});
  EXPECT_TRUE(tracker_.cancelled({1, 2}));
  EXPECT_FALSE(tracker_.cancelled({2, 2}));
  tracker_.answered({1, 2});
  EXPECT_FALSE(tracker_.cancelled({1, 2}));
}

class TrackedDriver : public BlockingDriverTest {
 protected:
  TrackedDriver() {
    server_ = make_driver([this](const ObservedEvent& event) { tracker_.observe(event); });
    tracker_.listen();
  }
  ~TrackedDriver() override { server_.reset(); }
  TrackedDriver(const TrackedDriver&) = delete;
  TrackedDriver& operator=(const TrackedDriver&) = delete;

  ServerId serve() {
    ServeOptions options;
    options.address = address_;
    options.methods = {"echo"};
    return server_->driver().serve(options).value();
  }

  StateTracker tracker_;
};

TEST_F(TrackedDriver, IsWaitedForUntilAServerListensOrFails) {
  const ServerId server = serve();
  EXPECT_TRUE(tracker_.wait_begun(*server_, StateTracker::server(server))->begun);
  ServeOptions options;
  options.address = address_;
  options.takeover = Takeover::kFail;
  options.methods = {"echo"};
  const std::unique_ptr<BlockingDriver> other = make_driver([this](const ObservedEvent& event) {
    if (const auto* state = std::get_if<ServerStateEvent>(&event)) {
      tracker_.observe(ServerStateEvent{state->server + 100, state->state, state->code, state->message});
    }
  });
  const ServerId late = other->driver().serve(options).value() + 100;
  const auto failed = tracker_.wait_begun(*other, StateTracker::server(late));
  ASSERT_TRUE(failed);
  EXPECT_FALSE(failed->begun);
  EXPECT_EQ(failed->why.code, Code::kAlreadyExists);
}

TEST_F(TrackedDriver, IsWaitedForUntilAServerIsClosedWhetherItsStateIsKnownOrNot) {
  const ServerId server = serve();
  server_->driver().close_server(server, Duration::zero());
  tracker_.wait_closed(*server_, server);
  EXPECT_EQ(server_->driver().server_status(server).state, ServerState::kClosed);
  tracker_.sleep_until_closed(server);
  tracker_.forget(StateTracker::server(server));
  tracker_.wait_closed(*server_, server);
}

// Its connections end on another thread than the handler's, and than the one that tells of it.
TEST_F(TrackedDriver, RemembersNoCallThatHasBeenAnsweredHoweverItsCancellationCame) {
  constexpr int kRounds = 50;
  std::vector<RequestKey> answered;
  for (int round = 0; round < kRounds; ++round) {
    Gate closed;
    Service service(*server_, address_, 1, [&](BlockingDriver& driver, const InboundCall& inbound) {
      closed.wait();
      testing_support::echo(driver, inbound);
      tracker_.answered(inbound.key);
      answered.push_back(inbound.key);
    });
    const ClientId client = connect(*client_);
    std::thread caller([&] { call(client, "x"); });
    service.entered.wait_for(1);
    server_->driver().close_server(service.id(), Duration::zero());
    closed.open();
    service.served.wait_for(1);
    tracker_.wait_closed(*server_, service.id());
    client_->driver().close_client(client);
    caller.join();
  }
  ASSERT_EQ(answered.size(), static_cast<std::size_t>(kRounds));
  for (const RequestKey& key : answered) EXPECT_FALSE(tracker_.cancelled(key));
}

TEST_F(TrackedDriver, IsNotWaitedForAnyLongerWhenTheWaitIsInterrupted) {
  const ServerId server = serve();
  tracker_.wait_begun(*server_, StateTracker::server(server));
  tracker_.wait_closed(*server_, server, [] { return true; });
  EXPECT_FALSE(tracker_.wait_begun(*server_, kOwner, [] { return true; }));
}

TEST_F(TrackedDriver, TellsThatAllWorkersHaveBeenBusyForASecondWhileCallsWait) {
  Gate release;
  Service service(*server_, address_, 2, [&](BlockingDriver& driver, const InboundCall& inbound) {
    release.wait();
    testing_support::echo(driver, inbound);
  });
  const ClientId client = connect(*client_);
  CallOptions options;
  options.notify = true;
  for (int i = 0; i < 3; ++i) call(client, "x", options, "slow");
  auto event = tracker_.next_event();
  while (event->kind != StateTracker::TrackedEvent::Kind::kSaturation) event = tracker_.next_event();
  EXPECT_EQ(event->owner, StateTracker::server(service.id()));
  EXPECT_EQ(event->load.workers, 2U);
  EXPECT_EQ(event->load.running, 2U);
  EXPECT_EQ(event->load.queued, 1U);
  EXPECT_EQ(event->load.slowest_method, 1U);
  EXPECT_GE(event->load.slowest, std::chrono::seconds(1));
  release.open();
  service.served.wait_for(3);
}

}  // namespace
}  // namespace ipcbridge
