#include "tests/core/cpp_api/cpp_api.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <ipcbridge/ipcbridge.hpp>

#include "core/cpp_api/msgpack.hpp"

namespace ipcbridge {
namespace {

using namespace std::chrono_literals;
using testing_support::bytes_of;
using testing_support::Child;
using testing_support::code_of;
using testing_support::echo;
using testing_support::is_pattern;
using testing_support::pattern;
using testing_support::TemporaryDirectory;
using testing_support::text_of;
using testing_support::thrown_by;

// The same behaviour over every transport.
class CppApi : public testing::TestWithParam<std::string> {
 protected:
  std::string address(const std::string& name = "service") const {
    if (GetParam() == "inproc") return "inproc://" + name;
    return GetParam() + "://" + (directory_ / name);
  }

  TemporaryDirectory directory_;
  Bridge bridge_;
};

INSTANTIATE_TEST_SUITE_P(Transports, CppApi, testing::Values("shm", "unix", "inproc"),
                         [](const auto& parameter) { return parameter.param; });

TEST_P(CppApi, CallsAMethodAndReturnsItsResult) {
  const Service service = bridge_.serve(address(), {{"echo", echo}});
  Remote remote = bridge_.connect(address());
  EXPECT_EQ(text_of(remote.call("echo", bytes_of("hello"))), "hello");
  EXPECT_EQ(text_of(remote.call("echo", {})), "");
  EXPECT_EQ(remote.status().state, "ready");
  EXPECT_EQ(remote.status().transport, GetParam());
}

TEST_P(CppApi, RefusesFunctionsAndTakesWhatOnlyBeginsLikeThem) {
  const Service service = bridge_.serve(address(), {{"echo", echo}});
  Remote remote = bridge_.connect(address());
  const std::string function("\xd7\x07\0\0\0\0\0\0\0\x05", 10);
  EXPECT_EQ(code_of([&] { remote.call("echo", bytes_of("\x91" + function)); }), Code::kUnimplemented);
  EXPECT_TRUE(remote.notify("echo", bytes_of("\x91" + function)));
  for (const std::string& bytes : {"\x92" + function, "\x91" + function + "x", std::string("\x91\xd4\x07\x05")}) {
    EXPECT_EQ(text_of(remote.call("echo", bytes_of(bytes))), bytes);
  }
}

TEST_P(CppApi, CarriesMoreThanARingHolds) {
  const Service service = bridge_.serve(address(), {{"echo", echo}});
  Remote remote = bridge_.connect(address());
  constexpr std::size_t kSize = 5'000'000;
  const Bytes result = remote.call("echo", pattern(kSize, 3));
  ASSERT_EQ(result.size(), kSize);
  EXPECT_TRUE(is_pattern(result, 3));
}

TEST_P(CppApi, TakesCallsFromManyThreadsAtOnce) {
  const Service service = bridge_.serve(address(), {{"echo", echo}}, {.threads = 3});
  Remote remote = bridge_.connect(address());
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 200; ++i) {
        const std::string text = std::to_string(thread * 1000 + i);
        if (text_of(remote.call("echo", bytes_of(text))) == text) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 8 * 200);
}

TEST_P(CppApi, OffersItsMethodsAndHidesTheOneThatDescribesThem) {
  const Service service = bridge_.serve(address(), {{"math.add", echo}, {"log", echo}});
  Remote remote = bridge_.connect(address());
  EXPECT_EQ(remote.methods(), (std::vector<std::string>{"log", "math.add"}));
  const Bytes description = remote.call("__describe__", bytes_of("\x90"));
  msgpack::Reader reader(description);
  std::uint32_t size = 0;
  std::string_view text;
  ASSERT_TRUE(reader.map(size) && size == 2 && reader.text(text));
  EXPECT_EQ(text, "service");
  ASSERT_TRUE(reader.text(text));
  EXPECT_EQ(text, address());
  ASSERT_TRUE(reader.text(text) && reader.map(size));
  EXPECT_EQ(size, 2U);
}

TEST_P(CppApi, ReportsAMethodThatDoesNotExist) {
  const Service service = bridge_.serve(address(), {{"reverse", echo}});
  Remote remote = bridge_.connect(address());
  const auto error = thrown_by([&] { remote.call("revers", {}); });
  EXPECT_EQ(error->code(), Code::kUnimplemented);
  EXPECT_NE(std::string(error->what()).find("reverse"), std::string::npos) << error->what();
}

TEST_P(CppApi, PassesAHandlersErrorWithItsCodeAndDetails) {
  const Service service =
      bridge_.serve(address(), {{"find", [](const IncomingCall&) -> Bytes {
                                   throw IpcError(Code::kNotFound, "no such user", bytes_of("\x2a"));
                                 }}});
  Remote remote = bridge_.connect(address());
  const auto error = thrown_by<RemoteError>([&] { remote.call("find", {}); });
  EXPECT_EQ(error->code(), Code::kNotFound);
  EXPECT_STREQ(error->what(), "no such user");
  EXPECT_EQ(text_of(error->details()), "\x2a");
  EXPECT_EQ(error->type(), "IpcError");
  EXPECT_EQ(error->sent(), std::nullopt);
}

TEST_P(CppApi, MakesOtherExceptionsUnknownErrors) {
  std::vector<std::string> told;
  const auto note = [&](std::string_view method, std::string_view what) {
    told.push_back(std::string(method) + ": " + std::string(what));
  };
  std::optional<Service> service(bridge_.serve(
      address(),
      {{"parse", [](const IncomingCall&) -> Bytes { throw std::out_of_range("at \xff byte 7, \xc3\xa9"); }},
       {"throw_int", [](const IncomingCall&) -> Bytes { throw 5; }}},
      {.threads = 1, .on_error = note}));
  Remote remote = bridge_.connect(address());
  auto error = thrown_by<RemoteError>([&] { remote.call("parse", {}); });
  EXPECT_EQ(error->code(), Code::kUnknown);
  EXPECT_EQ(error->type(), "std::out_of_range");
  EXPECT_STREQ(error->what(), "at ? byte 7, \xc3\xa9");
  error = thrown_by<RemoteError>([&] { remote.call("throw_int", {}); });
  EXPECT_EQ(error->code(), Code::kUnknown);
  service.reset();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0], "parse: at ? byte 7, \xc3\xa9");
}

TEST_P(CppApi, EndsACallAtItsDeadlineAndTellsTheHandler) {
  std::promise<bool> noticed;
  const Service service =
      bridge_.serve(address(), {{"sleep", [&](const IncomingCall& call) -> Bytes {
                                   const auto patience = std::chrono::steady_clock::now() + 10s;
                                   while (!call.cancelled() && std::chrono::steady_clock::now() < patience) {
                                     std::this_thread::yield();
                                   }
                                   noticed.set_value(call.cancelled() && call.deadline);
                                   return {};
                                 }}});
  Remote remote = bridge_.connect(address());
  EXPECT_EQ(code_of([&] { remote.call("sleep", {}, {.timeout = 20ms}); }), Code::kDeadlineExceeded);
  EXPECT_TRUE(noticed.get_future().get());
  EXPECT_EQ(code_of([&] { remote.call("sleep", {}, {.timeout = 0ms}); }), Code::kDeadlineExceeded);
}

TEST_P(CppApi, CountsTheWaitForAThreadInTheDeadline) {
  std::promise<void> gate;
  std::promise<std::chrono::steady_clock::time_point> deadline;
  const auto wait = [&](const IncomingCall&) {
    gate.get_future().wait();
    return Bytes();
  };
  const auto tell = [&](const IncomingCall& call) {
    deadline.set_value(call.deadline.value());
    return Bytes();
  };
  const Service service = bridge_.serve(address(), {{"slow", wait}, {"fast", tell}}, {.threads = 1});
  Remote remote = bridge_.connect(address());
  auto slow = std::async(std::launch::async, [&] { remote.call("slow", {}); });
  while (service.status().busy_threads == 0) std::this_thread::yield();
  auto fast = std::async(std::launch::async, [&] { remote.call("fast", {}, {.timeout = 60s}); });
  while (service.status().queued_calls == 0) std::this_thread::yield();
  const auto queued = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() < queued + 20ms) std::this_thread::yield();
  gate.set_value();
  EXPECT_LE(deadline.get_future().get(), queued + 60s);
}

TEST_P(CppApi, DeliversNotificationsAndMetadata) {
  std::promise<std::string> heard;
  const Service service =
      bridge_.serve(address(), {{"log", [&](const IncomingCall& call) -> Bytes {
                                   heard.set_value(std::string(call.method) + " " + text_of(call.arguments) + " " +
                                                   text_of(call.metadata));
                                   return {};
                                 }}});
  Remote remote = bridge_.connect(address());
  const Bytes metadata = bytes_of("trace");
  remote.notify("log", bytes_of("line"), {.metadata = metadata});
  EXPECT_EQ(heard.get_future().get(), "log line trace");
}

TEST_P(CppApi, TakesCallsAfterMoreNotificationsThanMayBePending) {
  constexpr int kCount = 3000;
  std::atomic<int> run{0};
  ServiceOptions options;
  options.on_error = [](std::string_view, std::string_view) {};
  const Service service = bridge_.serve(address(),
                                        {{"note",
                                          [&](const IncomingCall&) -> Bytes {
                                            if (++run % 2 == 0) throw std::runtime_error("as asked");
                                            return bytes_of("unwanted");
                                          }},
                                         {"echo", echo}},
                                        options);
  Remote remote = bridge_.connect(address());
  for (int i = 0; i < kCount; ++i) remote.notify("note", {});
  EXPECT_EQ(text_of(remote.call("echo", bytes_of("hello"), {.timeout = 10s})), "hello");
  while (run < kCount) std::this_thread::yield();
}

TEST_P(CppApi, LetsHandlersCallTheServiceOfTheirCaller) {
  Bridge other;
  std::optional<Remote> back;
  const Service outer = bridge_.serve(
      address("outer"), {{"ask", [&](const IncomingCall& call) { return back->call("answer", call.arguments); }}});
  const Service inner = other.serve(address("inner"), {{"answer", echo}});
  back.emplace(bridge_.connect(address("inner")));
  Remote remote = other.connect(address("outer"));
  EXPECT_EQ(text_of(remote.call("ask", bytes_of("me"))), "me");
}

TEST_P(CppApi, CancelsTheCallsOfARemoteThatIsClosed) {
  std::promise<void> begun;
  const Service service = bridge_.serve(address(), {{"wait", [&](const IncomingCall& call) -> Bytes {
                                                       begun.set_value();
                                                       while (!call.cancelled()) std::this_thread::yield();
                                                       return {};
                                                     }}});
  Remote remote = bridge_.connect(address());
  auto code = std::async(std::launch::async, [&] { return code_of([&] { remote.call("wait", {}); }); });
  begun.get_future().get();
  remote.close();
  EXPECT_EQ(code.get(), Code::kCancelled);
  EXPECT_EQ(code_of([&] { remote.call("wait", {}); }), Code::kFailedPrecondition);
  EXPECT_EQ(remote.status().state, "closed");
}

TEST_P(CppApi, FinishesWhatHasBegunBeforeAServiceCloses) {
  std::promise<void> begun;
  std::promise<void> go_on;
  Service service = bridge_.serve(address(), {{"work", [&](const IncomingCall& call) {
                                                 begun.set_value();
                                                 go_on.get_future().get();
                                                 return echo(call);
                                               }}});
  Remote remote = bridge_.connect(address(), {.connect_timeout = 50ms});
  auto result = std::async(std::launch::async, [&] { return text_of(remote.call("work", bytes_of("done"))); });
  begun.get_future().get();
  auto closed = std::async(std::launch::async, [&] { service.close(); });
  go_on.set_value();
  EXPECT_EQ(result.get(), "done");
  closed.get();
  service.wait();
  service.close();
  EXPECT_EQ(service.status().state, "closed");
  const auto error = thrown_by([&] { remote.call("work", {}); });
  EXPECT_EQ(error->code(), Code::kUnavailable);
  EXPECT_EQ(error->sent(), Sent::kNo);
}

TEST_P(CppApi, RefusesToCloseAServiceFromItsOwnHandler) {
  std::optional<Service> service;
  service.emplace(bridge_.serve(address(), {{"stop", [&](const IncomingCall&) -> Bytes {
                                               service->close();
                                               return {};
                                             }}}));
  Remote remote = bridge_.connect(address());
  EXPECT_EQ(code_of([&] { remote.call("stop", {}); }), Code::kFailedPrecondition);
}

TEST_P(CppApi, PassesANameThatIsServedAgainToTheNewService) {
  Service first = bridge_.serve(address(), {{"who", [](const IncomingCall&) { return bytes_of("first"); }}});
  Remote remote = bridge_.connect(address());
  EXPECT_EQ(text_of(remote.call("who", {})), "first");
  const Service second = bridge_.serve(address(), {{"who", [](const IncomingCall&) { return bytes_of("second"); }}});
  first.wait();
  EXPECT_EQ(text_of(remote.call("who", {})), "second");
}

TEST_P(CppApi, WaitsForAServiceThatIsStartedLater) {
  auto result = std::async(std::launch::async,
                           [&] { return text_of(bridge_.connect(address()).call("echo", bytes_of("late"))); });
  Bridge other;
  const Service service = other.serve(address(), {{"echo", echo}});
  EXPECT_EQ(result.get(), "late");
}

TEST_P(CppApi, GivesUpWhenNobodyServes) {
  EXPECT_EQ(code_of([&] { bridge_.connect(address(), {.connect_timeout = 30ms}); }), Code::kUnavailable);
}

TEST_P(CppApi, KeepsRemotesAndServicesAliveWithoutTheirBridge) {
  std::optional<Bridge> bridge(std::in_place);
  const Service service = bridge->serve(address(), {{"echo", echo}});
  Remote remote = bridge->connect(address());
  bridge.reset();
  Remote moved = std::move(remote);
  EXPECT_EQ(text_of(moved.call("echo", bytes_of("still here"))), "still here");
}

TEST_P(CppApi, RefusesOptionsThatMakeNoSense) {
  EXPECT_EQ(code_of([&] { bridge_.serve(address(), {{"echo", echo}}, {.threads = 0}); }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([&] { bridge_.serve(address(), {{"echo", Handler()}}); }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([&] { bridge_.serve(address(), {{"", echo}}); }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([&] { bridge_.serve("no/name", {}); }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([&] { bridge_.connect(address(), {.connect_timeout = -1s}); }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([&] { bridge_.connect("tcp://localhost:1"); }), Code::kUnimplemented);
}

TEST_P(CppApi, IsDeadInAForkedChildAndUnharmedInTheParent) {
  Service service = bridge_.serve(address(), {{"echo", echo}});
  Remote remote = bridge_.connect(address());
  Child child([&] {
    const bool dead = code_of([&] { remote.call("echo", {}); }) == Code::kFailedPrecondition &&
                      code_of([&] { service.close(); }) == Code::kFailedPrecondition &&
                      code_of([&] { bridge_.connect(address()); }) == Code::kFailedPrecondition;
    {
      const Remote destroyed = std::move(remote);
      const Service also_destroyed = std::move(service);
    }
    return dead ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(text_of(remote.call("echo", bytes_of("unharmed"))), "unharmed");
}

}  // namespace
}  // namespace ipcbridge
