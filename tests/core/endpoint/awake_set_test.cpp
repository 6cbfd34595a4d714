#include "core/endpoint/awake_set.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/bell.hpp"
#include "core/endpoint/context.hpp"
#include "tests/core/support/endpoint.hpp"
#include "tests/core/support/faulty_system.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::FaultySystem;
using testing_support::run_idle;
using testing_support::run_until;
using testing_support::with_system;

constexpr Duration kReview = std::chrono::milliseconds(20);  // the time between two

// Many connections of one process to a service, all asleep. Every doorbell that the client rings is counted.
class AwakeSetOfAService : public testing::Test {
 protected:
  static constexpr std::size_t kConnections = 20;

  AwakeSetOfAService() : client_(counting()) {
    server_.serve(address_);
    for (std::size_t i = 0; i < kConnections; ++i) clients_.push_back(client_.connect(address_));
    call_all();
  }

  DriverOptions counting() {
    system_.on_sendmsg = [this] {
      ++doorbells_;
      return false;
    };
    return with_system(system_);
  }

  // Leaves everybody asleep.
  void call_all() {
    const std::size_t before = client_.outcomes.size();
    for (const ClientId client : clients_) client_.call(client, "x");
    ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.outcomes.size() == before + kConnections; }));
    run_idle({&server_, &client_});
    doorbells_ = 0;
  }

  FaultySystem system_;
  int doorbells_ = 0;
  testing_support::TemporaryDirectory directory_;
  std::string address_ = "shm://" + (directory_ / "calc");
  FaultySystem servers_;
  Endpoint server_{with_system(servers_)};
  Endpoint client_;
  std::vector<ClientId> clients_;
};

TEST_F(AwakeSetOfAService, IsWokenByOneDoorbell) {
  client_.call(clients_[0], "x");
  EXPECT_EQ(doorbells_, 1);
  server_.run();
  for (const ClientId client : clients_) client_.call(client, "x");
  EXPECT_EQ(doorbells_, 1) << "the service was awake";
}

TEST_F(AwakeSetOfAService, DoesNotFallAsleepInPart) {
  client_.call(clients_[0], "x");
  server_.run();
  client_.call(clients_[1], "x");
  EXPECT_FALSE(server_.driver().prepare_sleep()) << "a message is there";
  for (const ClientId client : clients_) client_.call(client, "x");
  EXPECT_EQ(doorbells_, 1);
}

TEST_F(AwakeSetOfAService, IsRungAgainForEachSleep) {
  for (int i = 0; i < 3; ++i) {
    client_.call(clients_[0], "x");
    EXPECT_EQ(doorbells_, 1);
    run_idle({&server_, &client_});
    doorbells_ = 0;
  }
}

TEST_F(AwakeSetOfAService, LetsIdleConnectionsSleepWhileAnotherIsBusy) {
  // Of a review that is due a consumer that is never idle hears within 1,024 turns. The first may see the calls of
  // before.
  for (int review = 0; review < 3; ++review) {
    servers_.pass(kReview);
    for (std::size_t turns = 0; turns < 1024;) {
      const std::uint64_t token = client_.call(clients_[0], "x");
      for (; !client_.ended(token); ++turns) {
        server_.run();
        client_.run();
      }
    }
  }
  doorbells_ = 0;
  client_.call(clients_[0], "x");
  EXPECT_EQ(doorbells_, 0) << "the busy one is awake";
  client_.call(clients_[1], "x");
  EXPECT_EQ(doorbells_, 1) << "the idle one sleeps";
  client_.call(clients_[1], "x");
  EXPECT_EQ(doorbells_, 1);
  ASSERT_TRUE(
      run_until({&server_, &client_}, [&] { return client_.driver().client_status(clients_[1]).pending_calls == 0; }));
}

// Carries nothing.
class EmptyChannel : public Channel {
 public:
  std::string_view transport() const override { return "test"; }
  const Principal& peer() const override { return peer_; }
  int fd() const override { return bell_.fd(); }
  bool write(const FrameHeader&, std::span<const ConstBytes>) override { return true; }
  bool wants_writable() const override { return false; }
  void on_writable() override {}
  Progress read(FrameSink&, ReadBudget, bool) override { return {}; }
  bool ready() const override { return false; }
  bool prepare_sleep() override { return true; }
  void wake() override {}

 private:
  Bell bell_ = std::move(Bell::create(System::real())).value();
  Principal peer_;
};

// Promises to ring, and takes the promise back when it is asked again: a message has come in between.
class PromisingChannel final : public EmptyChannel {
 public:
  explicit PromisingChannel(bool& promised) : promised_(promised) {}

  bool prepare_sleep() override { return promised_ = !promised_; }
  void wake() override { promised_ = false; }

 private:
  bool& promised_;
};

class NoOwner final : public ConnectionOwner {
 public:
  explicit NoOwner(Context& context) : ConnectionOwner(context) {}
  Status judge(Connection&, const Hello&) override { return {}; }
  void on_open(Connection&) override {}
  void on_request(Session&, std::uint64_t, const Request&, MessageStorage*) override {}
  void on_cancel(Session&, std::uint64_t) override {}
  void on_outcome(Session&, std::uint64_t, const Outcome&, MessageStorage*) override {}
  void on_unsent(Session&, std::uint64_t, const Request&, bool, const CloseReason&) override {}
  void on_goaway(Session&) override {}
  void on_room(Connection&) override {}
  void on_closed(Connection&, const CloseReason&) override {}
};

TEST(AwakeSetThatFallsAsleep, HasThePromiseOfEachConnectionAlsoWhenAReviewIsDue) {
  FaultySystem system;
  Context context(with_system(system), std::move(Poller::create(System::real())).value());
  NoOwner owner(context);
  std::array<bool, 3> promised{};
  for (bool& each : promised) {
    ASSERT_NE(context.open_connection(std::make_unique<PromisingChannel>(each), Session::Side::kAcceptor, owner, {}),
              nullptr);
  }
  ASSERT_TRUE(context.awake().fall_asleep()) << "the first review lets nobody go: all are new";
  context.awake().wake_up();
  system.pass(kReview);
  ASSERT_TRUE(context.awake().fall_asleep());
  EXPECT_EQ(context.awake().size(), 0U) << "there was no review";
  for (const bool each : promised) EXPECT_TRUE(each) << "it would not ring";
}

// Has something to read whenever it is told so, and counts how often somebody came to read it.
class CountingChannel final : public EmptyChannel {
 public:
  struct Traffic {
    bool ready = false;
    int reads = 0;
  };
  explicit CountingChannel(Traffic& traffic) : traffic_(traffic) {}

  Progress read(FrameSink&, ReadBudget, bool) override {
    ++traffic_.reads;
    return {};
  }
  bool ready() const override { return traffic_.ready; }
  bool prepare_sleep() override { return !traffic_.ready; }

 private:
  Traffic& traffic_;
};

class RoomForAll final : public EventSink {
 public:
  std::size_t room() const override { return kAnyNumber; }
  void on_event(const Event&) override {}
};

class AwakeSetOfMany : public testing::Test {
 protected:
  AwakeSetOfMany() {
    context_.set_sink(&sink_);
    for (CountingChannel::Traffic& each : traffic_) {
      context_.open_connection(std::make_unique<CountingChannel>(each), Session::Side::kAcceptor, owner_, {});
    }
  }

  RoomForAll sink_;
  std::array<CountingChannel::Traffic, 300> traffic_{};
  Context context_{DriverOptions{}, std::move(Poller::create(System::real())).value()};
  NoOwner owner_{context_};
};

TEST_F(AwakeSetOfMany, ReadsThoseThatStandFarApartAsOftenAsOneAnother) {
  const std::array<std::size_t, 4> busy{0, 1, 120, 299};
  for (const std::size_t at : busy) traffic_[at].ready = true;
  constexpr int kTimes = 100;
  while (traffic_[busy[0]].reads < kTimes) ASSERT_TRUE(context_.awake().service(context_));
  for (const std::size_t at : busy) {
    EXPECT_GE(traffic_[at].reads, kTimes - 1) << at;
    EXPECT_LE(traffic_[at].reads, kTimes + 1) << at;
  }
}

TEST_F(AwakeSetOfMany, SaysThatThereIsNoMoreOnlyWhenItHasLookedAtAll) {
  for (const std::size_t at : {200UL, 100UL, 299UL, 0UL}) {
    traffic_[at].ready = true;
    traffic_[150].ready = true;
    while (traffic_[at].reads == 0) ASSERT_TRUE(context_.awake().service(context_)) << at;
    traffic_[at].ready = traffic_[150].ready = false;
    EXPECT_FALSE(context_.awake().service(context_));
    EXPECT_EQ(context_.awake().readiness(), AwakeSet::Readiness::kExpecting);
  }
}

}  // namespace
}  // namespace ipcbridge
