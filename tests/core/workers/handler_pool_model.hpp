#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/core/support/explorer.hpp"

namespace ipcbridge::handler_pool_model {

// An explicit-state model of a HandlerPool, of the event loop that reads for it, and of its threads as the bindings run
// them (run_handlers in bindings/python/handler_pool_binding.cpp, HandlerThreads in python/ipcbridge/aio/_threads.py).
// What is done under the pool's lock is one step; so are a thread's sleep, its start and its handler.
//
// Not in it: which of several calls or idle threads is the next, and what threads read before they sleep
// (lent_reading_model.hpp).

// The mistakes that the explorer must be able to see.
enum class Mutation : std::uint8_t {
  kNone,
  kSleepsWithoutLook,      // wait() looks for calls, gives the lock up and then sleeps
  kAsleepTooLate,          // the waiter falls asleep after others could find the thread
  kStopWakesNobody,        // stop() leaves the idle threads asleep
  kFailureNotNoted,        // a thread that could not be started is still expected
  kFailureIgnored,         // what waits is not refused though nobody will run it
  kStillComing,            // a thread that has taken a call counts as one that comes for another
  kNobodyCalledAfter,      // a thread that takes a call calls nobody for those behind it
  kLeaverStillComing,      // it is still expected
  kDeadCallsNobody,        // who runs a thread that has left does not ask for another
  kRunningTakenBack,       // cancel() says of a call that runs that nobody will run it
  kStoppedGivesCalls,      // stop() leaves the calls where threads take them
  kLateStartCountedTwice,  // a thread whose start was taken for a failure counts as one that starts
};

constexpr std::size_t kThreads = 3;  // two that the pool may have, and one that is late or leaves
constexpr std::size_t kCalls = 3;
constexpr std::uint8_t kNoCall = kCalls;

struct Model {
  Mutation mutation = Mutation::kNone;
  std::uint8_t most_threads = 1;
  std::uint8_t calls = 2;     // that arrive
  std::uint8_t slow = 0;      // of them, at most, have a handler that may never return
  std::uint8_t cancels = 0;   // that arrive, each of any call
  std::uint8_t failures = 0;  // to start a thread
  std::uint8_t late = 0;      // of them, at most, in which the thread runs all the same
  std::uint8_t deaths = 0;    // of threads, which leave where they could wait
  bool stops = false;         // the server is closed, at any time
};

// Where a thread is: what it does in its next step.
enum class At : std::uint8_t {
  kGone,

  // Of the loop: it has read something since it called threads, or has not.
  kReads,
  kHasRead,

  // Of the pool's threads.
  kEnter,
  kWait,
  kFallAsleep,
  kAsleep,
  kBack,
  kTake,
  kHandler,
  kSlowHandler,
  kLeave,
  kLeft,

  // Of both: whoever has called a thread starts it, or refuses what nobody will run.
  kCallThread,
  kStart,
  kRefuse,
};

enum class Call : std::uint8_t { kToCome, kWaiting, kRunning, kEnded };

struct Thread {
  At at = At::kGone;
  bool here = false, coming = false, idle = false;  // for the pool
  bool asleep = false;                              // its waiter, until it is woken
  std::uint8_t call = kNoCall;                      // that it runs

  bool operator==(const Thread&) const = default;
};

struct State {
  At loop = At::kReads;
  std::array<Thread, kThreads> threads{};
  std::array<Call, kCalls> calls{};
  std::uint8_t to_come = 0, slow_to_come = 0, cancels_to_come = 0, failures_to_come = 0, late_to_come = 0;
  std::uint8_t deaths_to_come = 0;
  bool stop_to_come = false;

  std::uint8_t starting = 0, coming = 0;
  bool stopping = false;
  bool ended_twice = false;  // a call was

  bool operator==(const State&) const = default;
};

using Step = model::Step<State>;

std::vector<Step> steps(const Model& model, const State& from);

model::Verdict explore(const Model& model);

}  // namespace ipcbridge::handler_pool_model
