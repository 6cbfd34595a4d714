// A program that cannot have what it needs.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include <ipcbridge/ipcbridge.hpp>

#include "core/cpp_api/engine.hpp"
#include "tests/core/cpp_api/cpp_api.hpp"
#include "tests/core/support/faulty_system.hpp"

namespace ipcbridge {
namespace {

using testing_support::bytes_of;
using testing_support::code_of;
using testing_support::echo;
using testing_support::fail_with;
using testing_support::FaultySystem;
using testing_support::TemporaryDirectory;
using testing_support::text_of;

bool takes_signals() {
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  return ::sigismember(&blocked, SIGINT) == 0;
}

TEST(CppApiFaults, ABridgeWithoutAThreadSaysSo) {
  FaultySystem system;
  system.on_thread = fail_with(EAGAIN);
  EXPECT_EQ(code_of([&] { Engine::bridge(system); }), Code::kResourceExhausted);
  EXPECT_TRUE(takes_signals());
}

// The first of them run already: they end, the name is free, and the Bridge goes on.
TEST(CppApiFaults, AServiceThatCannotHaveAllItsThreadsSaysSoAndLeavesNothingBehind) {
  const TemporaryDirectory directory;
  const std::string address = "shm://" + (directory / "service");
  FaultySystem system;
  std::atomic<int> spared{1000};
  system.on_thread = [&spared] {
    errno = EAGAIN;
    return spared-- <= 0;
  };
  Bridge bridge = Engine::bridge(system);
  ServiceOptions options;
  options.threads = 4;
  for (int have = 0; have < 4; ++have) {
    spared = have;
    EXPECT_EQ(code_of([&] { bridge.serve(address, {{"echo", echo}}, options); }), Code::kResourceExhausted);
    EXPECT_TRUE(takes_signals());
  }
  spared = 1000;
  options.takeover = ServiceOptions::Takeover::kFail;
  const Service service = bridge.serve(address, {{"echo", echo}}, options);
  EXPECT_EQ(text_of(bridge.connect(address).call("echo", bytes_of("x"))), "x");
}

}  // namespace
}  // namespace ipcbridge
