#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/core/support/endpoint.hpp"
#include "tests/core/support/faulty_system.hpp"

namespace ipcbridge {
namespace {

using testing_support::Endpoint;
using testing_support::fail_with;
using testing_support::FaultySystem;
using testing_support::run_until;
using testing_support::TemporaryDirectory;

class ServerWatch : public testing::Test {
 protected:
  ServerWatch() { EXPECT_EQ(::mkdir((directory_ / "place").c_str(), 0700), 0); }

  ServeOptions options(Duration patience = std::chrono::seconds(60)) const {
    ServeOptions options;
    options.address = address_;
    options.methods = {"echo"};
    options.takeover_timeout = patience;
    return options;
  }
  bool removed() const { return ::unlink(path_.c_str()) == 0 && ::unlink((path_ + ".lock").c_str()) == 0; }
  bool moved() const { return std::rename((directory_ / "place").c_str(), (directory_ / "moved").c_str()) == 0; }
  static ServerState state(Endpoint& endpoint, ServerId server) {
    return endpoint.driver().server_status(server).state;
  }
  // Whether somebody who connects now gets there.
  bool is_found(Endpoint& server, Endpoint* other = nullptr) const {
    Endpoint caller;
    const ClientId client = caller.connect(address_);
    return run_until({&server, other == nullptr ? &server : other, &caller},
                     [&] { return caller.is(client, ClientState::kReady); });
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_ / "place/calc";
  std::string address_ = "unix://" + path_;
};

TEST_F(ServerWatch, AServerWhoseFilesAreRemovedListensAnewAndKeepsItsConnections) {
  Endpoint endpoint;
  Endpoint early;
  const ServerId server = endpoint.serve(options());
  const ClientId client = early.connect(address_);
  ASSERT_TRUE(run_until({&endpoint, &early}, [&] { return early.is(client, ClientState::kReady); }));
  ASSERT_TRUE(removed());
  EXPECT_TRUE(is_found(endpoint));
  EXPECT_EQ(state(endpoint, server), ServerState::kListening);
  const std::uint64_t token = early.call(client, "still here");
  ASSERT_TRUE(run_until({&endpoint, &early}, [&] { return early.ended(token); }));
  EXPECT_EQ(early.outcomes[token].code, Code::kOk);
  EXPECT_EQ(endpoint.server_states.size(), 1U) << "listening, once";
}

TEST_F(ServerWatch, ALockThatIsRemovedAloneIsTakenAnew) {
  Endpoint endpoint;
  endpoint.serve(options());
  ASSERT_EQ(::unlink((path_ + ".lock").c_str()), 0);
  EXPECT_TRUE(run_until({&endpoint}, [&] { return ::access((path_ + ".lock").c_str(), F_OK) == 0; }));
  EXPECT_TRUE(is_found(endpoint));
}

TEST_F(ServerWatch, ADirectoryThatIsReplacedIsServedIn) {
  Endpoint endpoint;
  endpoint.serve(options());
  ASSERT_TRUE(moved());
  ASSERT_EQ(::mkdir((directory_ / "place").c_str(), 0700), 0);
  EXPECT_TRUE(is_found(endpoint));
}

TEST_F(ServerWatch, AServerThatCannotListenAnewClosesAndSaysWhy) {
  Endpoint endpoint;
  const ServerId server = endpoint.serve(options(std::chrono::milliseconds(30)));
  ASSERT_TRUE(moved());
  ASSERT_TRUE(run_until({&endpoint}, [&] { return state(endpoint, server) == ServerState::kClosed; }));
  EXPECT_EQ(endpoint.last(server).code, Code::kFailedPrecondition);
  EXPECT_NE(endpoint.last(server).message.find("there is no directory"), std::string::npos);
}

TEST_F(ServerWatch, AServerWhoseNameAnotherHasTakenMeanwhileClosesAndLeavesTheOtherAlone) {
  Endpoint first;
  Endpoint second;
  const ServerId loser = first.serve(options());
  ASSERT_TRUE(removed());
  const ServerId winner = second.serve(options());
  ASSERT_EQ(state(second, winner), ServerState::kListening);
  ASSERT_TRUE(run_until({&first, &second}, [&] { return state(first, loser) == ServerState::kClosed; }));
  EXPECT_EQ(first.last(loser).code, Code::kAborted);
  EXPECT_TRUE(is_found(second));
}

// They share what tells of changes, and the first that is told wakes the second.
TEST_F(ServerWatch, TheServersOfSeveralDriversHear) {
  Endpoint first;
  Endpoint second;
  ServeOptions other = options();
  other.address += "-other";
  first.serve(options());
  second.serve(other);
  ASSERT_TRUE(removed());
  ASSERT_EQ(::unlink((path_ + "-other").c_str()), 0);
  EXPECT_TRUE(is_found(first, &second));
  EXPECT_TRUE(run_until({&first, &second}, [&] { return ::access((path_ + "-other").c_str(), F_OK) == 0; }));
}

// What is offered over connections that others have made, methods or references, is nowhere to be found.
TEST_F(ServerWatch, AnAttachedServerHasNoFilesToLookAfter) {
  int locked = 0;
  FaultySystem system;
  system.on_flock = [&] {
    ++locked;
    return false;
  };
  DriverOptions driver;
  driver.system = &system;
  Endpoint endpoint(driver);
  ServeOptions offered;
  offered.attached = true;
  offered.methods = {"echo"};
  const ServerId attached = endpoint.serve(offered);
  endpoint.serve(options());
  ASSERT_TRUE(removed());
  EXPECT_TRUE(is_found(endpoint)) << "so every server has looked that does";
  EXPECT_EQ(locked, 2) << "where the other listens, and where it listens anew";
  EXPECT_EQ(state(endpoint, attached), ServerState::kListening);
}

TEST_F(ServerWatch, WhereChangesCannotBeWatchedAServerLooksEveryNowAndThen) {
  FaultySystem system;
  system.on_inotify_init = fail_with(EMFILE);
  DriverOptions driver;
  driver.system = &system;
  driver.listener_check_interval = std::chrono::milliseconds(10);
  Endpoint endpoint(driver);
  endpoint.serve(options());
  ASSERT_TRUE(removed());
  EXPECT_TRUE(is_found(endpoint));
}

TEST_F(ServerWatch, AnIdleServerIsNotWoken) {
  Endpoint endpoint;
  endpoint.serve(options());
  testing_support::run_idle({&endpoint});
  { std::ofstream(directory_ / "place/other") << "x"; }
  ASSERT_EQ(::unlink((directory_ / "place/other").c_str()), 0);
  EXPECT_FALSE(testing_support::is_readable(endpoint.driver().fd()));
}

}  // namespace
}  // namespace ipcbridge
