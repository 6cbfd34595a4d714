// Servers with serial methods, over a channel.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/support/endpoint.hpp"
#include "tests/core/support/faulty_system.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::is_pattern;
using testing_support::pattern;
using testing_support::run_idle;
using testing_support::run_until;
using testing_support::TemporaryDirectory;
using testing_support::text_of;

// "echo" and "other" share a group, "free" is in none; nothing is answered by itself.
class SerialCalls : public testing::Test {
 protected:
  SerialCalls() {
    server_.handle = Endpoint::keep;
    options_.address = "shm://" + (directory_ / "calc");
    options_.methods = {"echo", "other", "free"};
    options_.serial_groups = {1, 1};
  }

  void serve() {
    service_ = server_.serve(options_);
    client_id_ = connect(client_);
  }
  ClientId connect(Endpoint& client) {
    const ClientId id = client.connect(options_.address);
    EXPECT_TRUE(run_until({&server_, &client}, [&] { return client.is(id, ClientState::kReady); }));
    return id;
  }
  std::uint64_t call(std::string_view payload, const std::string& method = "echo", const CallOptions& options = {}) {
    return client_.call(client_id_, payload, options, method);
  }
  void idle() { run_idle({&server_, &client_}); }
  std::vector<std::string> began() const {
    std::vector<std::string> payloads;
    for (const Endpoint::Asked& asked : server_.requests) payloads.emplace_back(text_of(asked.payload));
    return payloads;
  }
  void answer(std::size_t at) { server_.driver().reply(server_.requests.at(at).key, {}); }
  std::uint64_t unanswered() { return server_.driver().server_status(service_).running_calls; }

  using Texts = std::vector<std::string>;

  TemporaryDirectory directory_;
  ServeOptions options_;
  testing_support::FaultySystem system_;
  Endpoint server_{testing_support::with_system(system_)};
  Endpoint client_;
  ServerId service_ = 0;
  ClientId client_id_ = 0;
};

TEST_F(SerialCalls, RunOneAtATimeInTheOrderInWhichTheyWereRead) {
  serve();
  call("a");
  call("b", "other");
  call("c");
  call("free", "free");
  idle();
  EXPECT_EQ(began(), (Texts{"a", "free"}));
  EXPECT_EQ(unanswered(), 4U) << "those that wait count as calls that are not answered";
  answer(0);
  idle();
  EXPECT_EQ(began(), (Texts{"a", "free", "b"}));
  server_.driver().reply_error(server_.requests[2].key, Code::kUnknown, "it failed", {});
  idle();
  EXPECT_EQ(began(), (Texts{"a", "free", "b", "c"}));
  answer(3);
  idle();
  EXPECT_EQ(unanswered(), 1U);
}

TEST_F(SerialCalls, OfManyConnectionsRunOneAtATime) {
  serve();
  Endpoint second;
  const ClientId other = connect(second);
  int running = 0;
  for (int i = 0; i < 100; ++i) {
    call("x");
    second.call(other, "y");
  }
  std::vector<RequestKey> open;
  server_.handle = [&](Endpoint&, const Endpoint::Asked& asked) {
    EXPECT_EQ(++running, 1);
    open.push_back(asked.key);
  };
  const auto ended = [&] {
    for (const RequestKey& key : std::exchange(open, {})) {
      --running;
      server_.driver().reply(key, {});
    }
    return client_.outcomes.size() + second.outcomes.size() == 200;
  };
  EXPECT_TRUE(run_until({&server_, &client_, &second}, ended));
}

TEST_F(SerialCalls, ThatAreAnsweredAsTheyBeginAllRun) {
  server_.handle = Endpoint::echo;
  serve();
  for (std::uint32_t i = 0; i < 500; ++i) {
    const Buffer payload = pattern(i % 50 == 0 ? 40'000 : i % 300, i);
    call(as_text(payload));
  }
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.outcomes.size() == 500; }));
  for (const auto& [token, ended] : client_.outcomes) {
    EXPECT_EQ(ended.code, Code::kOk);
    EXPECT_TRUE(is_pattern(ended.payload, static_cast<std::uint32_t>(token - 1)));
  }
}

TEST_F(SerialCalls, AreBegunByAReplyToWhichTheConsumerIsWoken) {
  serve();
  call("a");
  call("b");
  idle();  // asleep
  answer(0);
  EXPECT_TRUE(testing_support::is_readable(server_.driver().fd()));
  EXPECT_TRUE(run_until({&server_}, [&] { return server_.requests.size() == 2; }));
}

TEST_F(SerialCalls, BeginAtOnceWhereTheReplyHasASinkForThem) {
  struct Sink final : EventSink {
    std::size_t room() const override { return has_room_now ? kAnyNumber : 0; }
    void on_event(const Event& event) override { payload = as_text(std::get<InboundCallEvent>(event).request.payload); }
    bool has_room_now = false;
    std::string payload;
  } sink;
  serve();
  call("a");
  call("b");
  call("c");
  idle();
  sink.has_room_now = true;
  server_.driver().reply(server_.requests[0].key, {}, &sink);
  EXPECT_EQ(sink.payload, "b");
  EXPECT_FALSE(testing_support::is_readable(server_.driver().fd())) << "nobody need look";
}

TEST_F(SerialCalls, WaitForTheNextTurnWhereTheSinkOfTheReplyHasNoRoom) {
  struct Sink final : EventSink {
    std::size_t room() const override { return 0; }
    void on_event(const Event&) override { FAIL(); }
  } full;
  serve();
  call("a");
  call("b");
  idle();
  server_.driver().reply(server_.requests[0].key, {}, &full);
  EXPECT_TRUE(run_until({&server_}, [&] { return server_.requests.size() == 2; }));
}

TEST_F(SerialCalls, ThatAreCancelledBeforeTheirTurnAreAnsweredAtOnceAndNeverBegin) {
  options_.limits.max_pending_calls = 2;
  serve();
  const std::uint64_t first = call("a");
  idle();
  for (int i = 0; i < 5; ++i) {
    client_.driver().cancel(client_id_, call("given up"));
    idle();
    EXPECT_EQ(unanswered(), 1U) << "the answer makes room for another";
  }
  const std::uint64_t last = call("z");
  answer(0);
  idle();
  answer(1);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(first) && client_.ended(last); }));
  EXPECT_EQ(began(), (Texts{"a", "z"}));
  EXPECT_TRUE(server_.cancelled.empty());
}

TEST_F(SerialCalls, ThatAreCancelledWhileTheyRunKeepTheNextWaitingUntilTheyAreAnswered) {
  serve();
  const std::uint64_t first = call("a");
  call("b");
  idle();
  client_.driver().cancel(client_id_, first);
  idle();
  EXPECT_EQ(server_.cancelled.size(), 1U);
  EXPECT_EQ(began(), (Texts{"a"}));
  answer(0);
  idle();
  EXPECT_EQ(began(), (Texts{"a", "b"}));
}

TEST_F(SerialCalls, WhoseCallersTimeEndsBeforeTheirTurnDoNotRun) {
  serve();
  call("a");
  CallOptions options;
  options.timeout = std::chrono::hours(1);
  const std::uint64_t late = call("late", "echo", options);
  options.notify = true;
  call("late", "echo", options);
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return unanswered() == 3; }));
  system_.pass(*options.timeout);
  answer(0);  // before anything tells that they were given up
  server_.run();
  idle();
  EXPECT_EQ(client_.outcomes[late].code, Code::kDeadlineExceeded);
  EXPECT_EQ(began(), (Texts{"a"}));
  EXPECT_EQ(unanswered(), 0U);
}

TEST_F(SerialCalls, GoWithTheirConnectionWhileTheyWait) {
  serve();
  Endpoint second;
  const ClientId other = connect(second);
  call("a");
  idle();
  second.call(other, "gone");
  run_idle({&server_, &second});
  call("b");
  idle();
  second.driver().close_client(other);
  ASSERT_TRUE(
      run_until({&server_, &second}, [&] { return server_.driver().server_status(service_).connections == 1; }));
  answer(0);
  idle();
  EXPECT_EQ(began(), (Texts{"a", "b"}));
  EXPECT_TRUE(server_.cancelled.empty()) << "no handler knows of the one that is gone";
}

TEST_F(SerialCalls, WaitForAHandlerWhoseConnectionHasGone) {
  serve();
  Endpoint second;
  const ClientId other = connect(second);
  second.call(other, "gone");
  run_idle({&server_, &second});
  call("a");
  second.driver().close_client(other);
  ASSERT_TRUE(run_until({&server_, &second, &client_}, [&] {
    return server_.driver().server_status(service_).connections == 1 && server_.cancelled.size() == 1;
  }));
  idle();
  EXPECT_EQ(began(), (Texts{"gone"})) << "its handler still runs";
  answer(0);
  idle();
  EXPECT_EQ(began(), (Texts{"gone", "a"}));
}

TEST_F(SerialCalls, RunAllTheSameWhenTheyAreNotificationsWhoseConnectionHasGone) {
  serve();
  CallOptions options;
  options.notify = true;
  call("a");
  for (const char* text : {"b", "c"}) call(text, "echo", options);
  idle();
  client_.driver().close_client(client_id_);
  ASSERT_TRUE(
      run_until({&server_, &client_}, [&] { return server_.driver().server_status(service_).connections == 0; }));
  server_.driver().close_server(service_, std::chrono::seconds(10));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(server_.driver().server_status(service_).state, ServerState::kClosing) << "it waits for them";
    answer(i);
    idle();
  }
  EXPECT_EQ(began(), (Texts{"a", "b", "c"}));
  EXPECT_EQ(server_.driver().server_status(service_).state, ServerState::kClosed);
}

TEST_F(SerialCalls, RunWhileTheServerCloses) {
  serve();
  const std::vector<std::uint64_t> tokens{call("a"), call("b")};
  idle();
  server_.driver().close_server(service_, std::chrono::hours(1));
  idle();
  answer(0);
  idle();
  answer(1);
  ASSERT_TRUE(run_until({&server_, &client_},
                        [&] { return server_.driver().server_status(service_).state == ServerState::kClosed; }));
  for (const std::uint64_t token : tokens) EXPECT_EQ(client_.outcomes[token].code, Code::kOk);
}

TEST_F(SerialCalls, AreDroppedWhenTheServersGraceIsOver) {
  serve();
  CallOptions options;
  options.notify = true;
  call("a");
  const std::uint64_t waits = call("b");
  call("c", "echo", options);
  idle();
  server_.driver().close_server(service_, Duration::zero());
  ASSERT_TRUE(run_until({&server_, &client_}, [&] { return client_.ended(waits); }));
  EXPECT_EQ(client_.outcomes[waits].code, Code::kUnavailable);
  answer(0);
  server_.run();
  EXPECT_EQ(began(), (Texts{"a"}));
  EXPECT_EQ(server_.cancelled.size(), 1U) << "only what runs is told";
  EXPECT_EQ(server_.driver().server_status(service_).state, ServerState::kClosed);
}

TEST_F(SerialCalls, NeedGroupsThatThereCanBe) {
  options_.serial_groups = {1, 4};
  EXPECT_EQ(server_.driver().serve(options_).error().code, Code::kInvalidArgument);
  options_.serial_groups = {1, 1, 1, 1};
  EXPECT_EQ(server_.driver().serve(options_).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace ipcbridge
