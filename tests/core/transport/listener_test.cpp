#include "core/transport/listener.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "core/transport/transports.hpp"
#include "tests/core/support/process.hpp"
#include "tests/core/support/support.hpp"
#include "tests/core/transport/channel_pair.hpp"

namespace ipcbridge {
namespace {

using testing_support::Collector;
using testing_support::is_readable;
using testing_support::read_until;
using testing_support::TemporaryDirectory;
using testing_support::wait_for;
using testing_support::write;

// What every listener and every connector promises (core/transport/listener.hpp, connector.hpp). A transport takes part
// by its name here and an address below.
class ListenerConformance : public testing::TestWithParam<const char*> {
 protected:
  std::string address_text() const {
    if (std::string(GetParam()) == "inproc") return "inproc://conformance";
    return "unix://" + (directory_ / "conformance");
  }

  Result<std::unique_ptr<Listener>> listen() { return Transports::real().listen(System::real(), address_, {}); }

  // Connects, however long that takes the transport.
  Connector::Outcome connect() const {
    const std::unique_ptr<Connector> connector = Transports::real().connect(System::real(), address_);
    for (;;) {
      if (std::optional<Connector::Outcome> outcome = connector->advance()) return std::move(*outcome);
      if (!wait_for(connector->fd(), POLLIN)) return Error{Code::kDeadlineExceeded, "nothing happens"};
    }
  }

  std::unique_ptr<Channel> connected() const {
    Connector::Outcome outcome = connect();
    EXPECT_TRUE(outcome.ok()) << outcome.error().message;
    return outcome.ok() ? std::move(outcome).value() : nullptr;
  }

  static std::unique_ptr<Channel> accepted(Listener& listener) {
    while (wait_for(listener.fd(), POLLIN)) {
      Result<std::unique_ptr<Channel>> channel = listener.accept();
      EXPECT_TRUE(channel.ok()) << channel.error().message;
      if (!channel.ok()) break;
      if (channel.value()) return std::move(channel).value();
    }
    return nullptr;
  }

  static void expect_to_talk(Channel& from, Channel& to) {
    Collector sink;
    EXPECT_TRUE(write(from, 7, "hello"));
    ASSERT_TRUE(read_until(to, sink, 1).ok());
    EXPECT_EQ(testing_support::text_of(sink.frames[0].body), "hello");
  }

  // Somebody who connects is served.
  void expect_service(Listener& listener) const {
    const auto caller = connected();
    const auto callee = accepted(listener);
    ASSERT_TRUE(caller && callee);
    expect_to_talk(*caller, *callee);
  }

  // Whether the other end has gone.
  static Code end_of(Channel& channel) {
    Collector sink;
    const Progress status = read_until(channel, sink, 1);
    return status.ok() ? Code::kOk : status.why().code();
  }

  TemporaryDirectory directory_;
  Address address_ = parse_address(address_text()).value();
};

TEST_P(ListenerConformance, IsReadableWhileSomebodyWaits) {
  const std::unique_ptr<Listener> listener = listen().value();
  EXPECT_FALSE(is_readable(listener->fd()));
  const auto one = connected();
  const auto two = connected();
  EXPECT_TRUE(wait_for(listener->fd(), POLLIN));
  const auto first = accepted(*listener);
  EXPECT_TRUE(wait_for(listener->fd(), POLLIN)) << "the second waits";
  const auto second = accepted(*listener);
  EXPECT_FALSE(is_readable(listener->fd()));
  EXPECT_EQ(listener->accept().value(), nullptr) << "nobody waits";
}

TEST_P(ListenerConformance, GivesEachItsOwnChannelInTheOrderOfTheirComing) {
  const std::unique_ptr<Listener> listener = listen().value();
  std::vector<std::unique_ptr<Channel>> callers;
  for (int i = 0; i < 5; ++i) callers.push_back(connected());
  for (const auto& caller : callers) {
    const auto callee = accepted(*listener);
    ASSERT_TRUE(callee);
    expect_to_talk(*caller, *callee);
    expect_to_talk(*callee, *caller);
  }
}

TEST_P(ListenerConformance, BothSidesKnowWhoIsThere) {
  const std::unique_ptr<Listener> listener = listen().value();
  const auto caller = connected();
  const auto callee = accepted(*listener);
  for (const Channel* channel : {caller.get(), callee.get()}) {
    const auto* peer = std::get_if<LocalPeer>(&channel->peer());
    ASSERT_NE(peer, nullptr) << "a local transport";
    EXPECT_EQ(peer->pid, ::getpid());
    EXPECT_EQ(peer->uid, ::geteuid());
    EXPECT_EQ(peer->gid, ::getegid());
  }
}

TEST_P(ListenerConformance, WhatWasSaidBeforeTheAcceptArrives) {
  const std::unique_ptr<Listener> listener = listen().value();
  auto caller = connected();
  ASSERT_TRUE(write(*caller, 1, "early"));
  const auto callee = accepted(*listener);
  Collector sink;
  ASSERT_TRUE(read_until(*callee, sink, 1).ok());
  EXPECT_EQ(testing_support::text_of(sink.frames[0].body), "early");
}

TEST_P(ListenerConformance, HasItsAddressForItself) {
  std::unique_ptr<Listener> listener = listen().value();
  const Result<std::unique_ptr<Listener>> second = listen();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kAlreadyExists);
  expect_service(*listener);
  listener.reset();
  EXPECT_TRUE(listen().ok()) << "the address is free again";
}

TEST_P(ListenerConformance, NobodyIsThereBeforeAndAfter) {
  EXPECT_EQ(connect().error().code, Code::kUnavailable);
  std::unique_ptr<Listener> listener = listen().value();
  EXPECT_TRUE(connect().ok());
  listener.reset();
  EXPECT_EQ(connect().error().code, Code::kUnavailable);
}

TEST_P(ListenerConformance, HangsUpOnThoseWhoStillWaitAtItsEnd) {
  std::unique_ptr<Listener> listener = listen().value();
  const auto caller = connected();
  ASSERT_TRUE(write(*caller, 1, "never accepted"));
  listener.reset();
  EXPECT_EQ(end_of(*caller), Code::kUnavailable);
}

TEST_P(ListenerConformance, ThoseWhoHaveGoneAgainDoNotDisturbTheNext) {
  const std::unique_ptr<Listener> listener = listen().value();
  connected().reset();
  const auto caller = connected();
  const auto gone = accepted(*listener);
  ASSERT_TRUE(gone);
  EXPECT_EQ(end_of(*gone), Code::kUnavailable);
  const auto callee = accepted(*listener);
  ASSERT_TRUE(callee);
  expect_to_talk(*caller, *callee);
}

TEST_P(ListenerConformance, AChannelOutlivesIt) {
  std::unique_ptr<Listener> listener = listen().value();
  const auto caller = connected();
  const auto callee = accepted(*listener);
  listener.reset();
  expect_to_talk(*caller, *callee);
}

TEST_P(ListenerConformance, ACancelledConnectorLeavesNobodyBehind) {
  const std::unique_ptr<Listener> listener = listen().value();
  Transports::real().connect(System::real(), address_).reset();
  const auto caller = connected();
  auto callee = accepted(*listener);
  ASSERT_TRUE(callee);
  if (is_readable(listener->fd())) {  // it had been quick
    EXPECT_EQ(end_of(*callee), Code::kUnavailable);
    callee = accepted(*listener);
  }
  expect_to_talk(*caller, *callee);
}

// Lowers or raises how many descriptors this process may have.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t limit) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit set{limit, before_.rlim_max};
    set_ = ::setrlimit(RLIMIT_NOFILE, &set) == 0;
  }
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  bool set() const { return set_; }

 private:
  rlimit before_{};
  bool set_ = false;
};

TEST_P(ListenerConformance, HasABacklogThatIsBounded) {
  const DescriptorLimit enough(16384);
  if (!enough.set()) GTEST_SKIP() << "too few descriptors";
  const std::unique_ptr<Listener> listener = listen().value();
  std::vector<std::unique_ptr<Channel>> callers;
  Code code = Code::kOk;
  while (code == Code::kOk && callers.size() < 5000) {
    Connector::Outcome outcome = connect();
    if (outcome.ok()) {
      callers.push_back(std::move(outcome).value());
    } else {
      code = outcome.error().code;
    }
  }
  EXPECT_EQ(code, Code::kUnavailable) << "after " << callers.size();
  EXPECT_GE(callers.size(), 64U);
  expect_to_talk(*callers.front(), *accepted(*listener));
  EXPECT_TRUE(connect().ok()) << "there is room again";
}

// The lowest number that is free: with this limit there is none.
rlim_t next_descriptor() {
  const int fd = ::dup(0);
  ::close(fd);
  return static_cast<rlim_t>(fd);
}

TEST_P(ListenerConformance, WhoeverWaitsGoesOnWaitingWhileThereIsNoDescriptor) {
  const std::unique_ptr<Listener> listener = listen().value();
  const auto caller = connected();
  std::unique_ptr<Channel> callee;
  {
    const DescriptorLimit none(next_descriptor());
    Result<std::unique_ptr<Channel>> channel = listener->accept();
    if (channel.ok()) {
      callee = std::move(channel).value();  // it needs no descriptor
    } else {
      EXPECT_EQ(channel.error().code, Code::kResourceExhausted);
      EXPECT_TRUE(is_readable(listener->fd()));
    }
  }
  if (!callee) callee = accepted(*listener);
  ASSERT_TRUE(callee);
  expect_to_talk(*caller, *callee);
}

TEST_P(ListenerConformance, ToConnectWithoutADescriptorFailsAndLeavesNothingBehind) {
  const std::unique_ptr<Listener> listener = listen().value();
  {
    const DescriptorLimit none(next_descriptor());
    EXPECT_EQ(connect().error().code, Code::kResourceExhausted);
  }
  const auto caller = connected();
  expect_to_talk(*caller, *accepted(*listener));
}

TEST_P(ListenerConformance, ToListenWithoutADescriptorFailsAndLeavesNothingBehind) {
  {
    const DescriptorLimit none(next_descriptor());
    const Result<std::unique_ptr<Listener>> listener = listen();
    ASSERT_FALSE(listener.ok());
    EXPECT_EQ(listener.error().code, Code::kResourceExhausted);
  }
  const std::unique_ptr<Listener> listener = listen().value();
  expect_service(*listener);
}

TEST_P(ListenerConformance, LeavesNoDescriptorBehind) {
  const std::size_t before = testing_support::open_descriptors();
  for (int i = 0; i < 10; ++i) {
    const std::unique_ptr<Listener> listener = listen().value();
    const auto caller = connected();
    const auto callee = accepted(*listener);
    const auto waiting = connected();
  }
  EXPECT_EQ(testing_support::open_descriptors(), before);
}

// Those who come while it goes are told one thing or the other, and never left in between.
TEST_P(ListenerConformance, MayCloseWhileOthersConnect) {
  std::atomic<bool> over = false;
  std::vector<Code> strange;
  std::thread caller([&] {
    while (!over) {
      Connector::Outcome outcome = connect();
      const Code code = outcome.ok() ? end_of(*outcome.value()) : outcome.error().code;
      if (code != Code::kUnavailable) strange.push_back(code);
    }
  });
  for (int i = 0; i < 200; ++i) {
    const std::unique_ptr<Listener> listener = listen().value();
    for (int turn = 0; turn < i % 4; ++turn) static_cast<void>(listener->accept());
  }
  over = true;
  caller.join();
  EXPECT_TRUE(strange.empty()) << strange.size() << " times, first code " << static_cast<int>(strange.front());
}

INSTANTIATE_TEST_SUITE_P(Transports, ListenerConformance, testing::Values("unix", "inproc"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace ipcbridge
