#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/core/support/explorer.hpp"

namespace ipcbridge::worker_model {

// An explicit-state model of the threads of a BlockingDriver: a caller that waits, the workers of one or two servers,
// or a worker and the thread of an event loop, the watchdog, whoever stops or dismisses the workers, and a thread that
// calls methods of the Driver. It mirrors core/workers and
// how the Driver sleeps (core/endpoint/driver_run.cpp). What is done under the lock of the BlockingDriver is one step,
// which ends with wake_needed(); so is every operation outside it on what threads share: a method of the Driver, each
// message that a turn reads, a poll, a bell that is silenced, a look at a Waiter's word.
//
// Not in it: how the Driver's connections arm (sleep_model.hpp has that), interrupts other than a sleep that ends for
// nothing, cancelled calls, activities, full queues.

// The mistakes that the explorer must be able to see.
enum class Mutation : std::uint8_t {
  kNone,
  kWakeForgotten,            // when the token is passed on
  kAskBeforeEnter,           // a worker asks whether its server is closed before others can find it
  kNoSecondLook,             // a caller that has just taken the token blocks without a look at its answer
  kLookerSleepsOverAnEvent,  // sleep() does not ask whether there has been an event since the condition was looked at
  kLookersNotWoken,          // by an event
  kPromotedAlthoughDone,     // pass_on() gives the token to a waiter that is done
  kPromotionNotNoticed,      // by a waiter whose sleep ended for nothing at the same time
  kLeaderBellSilencedLate,   // after the look that it was rung for
  kInterestStaysOff,         // when the token is released
  kInterestStaysOn,          // when the leader or the watchdog is woken by what a caller is to read
  kReaderNotAwake,           // who takes the token does not say so
  kSleeperNotMarked,         // prepare_sleep() does not say that the consumer sleeps
  kDisturbanceUnheard,       // a method that makes a connection's peer silent does not wake the consumer
  kWatchdogNotCalled,        // when nobody else can read
  kWatchdogSleepsOverCalls,  // calls that begin do not wake it
  kStuckExpected,            // a worker that is stuck in its handler is still expected back
  kFollowerNotCalled,        // for a call that nobody comes for
  kDismissedNotWoken,        // stop_workers() wakes nobody
  kNoLookAfterReading,  // a worker that has given the lock up to read sleeps without asking whether it is dismissed
  kLoopBellNotRung,     // for a loop's thread that follows
  kLoopLeaderMistaken,  // for a thread, when it leads and is to be woken
  kLoopEntersIdle,      // before it has waited for the first time
  kLoopUnseen,          // the watchdog is not told of a loop's thread that goes to run what else is ready
  kStuckLoopLeads,      // the others leave it to a loop's thread to lead that is kept from coming
  kDueForgotten,        // the reader arms although a call is due that waited for another
};

using Id = std::uint8_t;  // of a thread
constexpr Id kCaller = 0;
constexpr Id kFirstWorker = 1;
constexpr Id kWatchdog = 3;
constexpr Id kThreads = 4;
constexpr Id kNobody = kThreads;
constexpr std::size_t kServers = 2;

enum class Caller : std::uint8_t { kNone, kCalls, kWaitsForEvent };

struct Model {
  Mutation mutation = Mutation::kNone;
  Caller caller = Caller::kNone;
  std::uint8_t workers = 1;
  std::uint8_t servers = 1;                    // with two, the second worker is the second server's
  std::array<std::uint8_t, kServers> calls{};  // that arrive
  std::uint8_t slow = 0;                       // of them, at most, have a handler that may never return
  std::uint8_t nested = 0;                     // have one that makes a call itself
  bool calling = false;                        // the first worker is in such a handler from the beginning
  bool unanswered = false;                     // those calls may never be answered
  std::uint8_t disturbances = 0;               // by methods of the Driver
  bool serial = false;                         // the first server's calls run one at a time
  bool loop = false;                           // the second worker is a loop's thread, the second server its methods
  bool loop_work = false;                      // something else becomes ready there, which may block for ever
  bool dismisses = false;                      // the first worker is dismissed, and the second comes in its place
  bool stops = false;                          // the first server is closed and its workers are stopped, in any order

  std::size_t server_of(Id worker) const { return servers == 2 ? worker - kFirstWorker : 0U; }
};

// Where a thread is: what it does in its next step.
enum class At : std::uint8_t {
  kGone,

  // Whoever has the token. A turn goes on at `after`, a release at `then`.
  kSetAwake,
  kTurnWithPoll,
  kTurn,
  kTurnGoesOn,
  kDebounce,
  kRelease,
  kPassOnArmed,
  kPassOnUnarmed,

  // Callers, and handlers that call.
  kTakeForCall,
  kSend,
  kNoteWaiting,
  kObserve,
  kLook,
  kTryRead,
  kReadAWhile,
  kSwitchInterestOff,
  kBlocked,
  kReadNoMore,
  kLineUp,
  kInLine,
  kNoteOver,
  kCallOver,

  // Workers.
  kEnter,
  kAskClosed,
  kEnterAfterAll,
  kEnterClosed,
  kWait,
  kWaitOn,
  kReadForCalls,
  kSpin,
  kLookForCalls,
  kReadDone,
  kLeaderAsleep,
  kSilenceLeaderBell,
  kLeaderBack,
  kFollowing,
  kTake,
  kHandler,
  kSlowHandler,
  kSettleAnswer,
  kLate,
  kLeave,

  // The thread of an event loop.
  kLoopWait,
  kLoopLook,
  kLoopTurn,
  kLoopLooked,
  kLoopRead,
  kLoopAsleep,
  kSilenceLoopBell,
  kLoopAwake,
  kLoopRuns,
  kLoopBlocked,

  // The watchdog.
  kWatch,
  kPause,
  kSilenceAfterPause,
  kBackFromPause,
  kFirstRun,
  kWatchDriver,
  kSilenceWatchdogBell,
  kBackFromWatch,
  kReadAsWatchdog,
  kReadOn,
};

enum class Word : std::uint8_t { kAwake, kAsleep, kCheckAgain, kPromoted, kDone };
enum class Answer : std::uint8_t { kNone, kAsked, kUnread };
enum class Work : std::uint8_t { kNone, kIdle, kComing, kRunning, kAnswered };
enum class Watching : std::uint8_t { kAwake, kPaced, kResting, kReading };

struct Thread {
  At at = At::kGone, after = At::kGone, then = At::kGone;
  bool reading = false;  // it has the token
  Word word = Word::kAwake;
  Answer answer = Answer::kNone;
  bool missed_event = false;  // one was observed since it loaded their number
  bool message = false;       // has ended its sleep
  bool busy = false;          // it has found something to read
  Work work = Work::kNone;
  std::uint8_t age = 0;     // ticks that have seen it busy
  bool left_alone = false;  // its handler is known as slow, or waits in a call
  bool following = false;
  bool others = false;  // what else its loop watches has ended its sleep

  bool operator==(const Thread&) const = default;
};

struct State {
  std::array<Thread, kThreads> threads{};

  // The world.
  std::array<std::uint8_t, kServers> calls_to_come{};
  std::uint8_t slow_to_come = 0, nested_to_come = 0, disturbances_to_come = 0;
  bool event_to_come = false, close_to_come = false, stop_to_come = false;
  bool stopper_asked = false, stopper_saw_closed = false;
  bool dismissal_to_come = false, loop_work_to_come = false;

  // The Driver.
  std::array<std::uint8_t, kServers> unread_calls{};
  bool unread_event = false, unread_closed = false;
  bool armed = false;                     // the next message makes the descriptor readable
  bool readable = false;                  // by a doorbell or the Driver's own bell
  bool asleep = false;                    // its consumer is
  bool closed = false;                    // the first server
  bool serial_busy = false, due = false;  // a serial call is unanswered; one may begin
  std::uint8_t serial_waiting = 0;

  // The token, the watch and what waiters wait for.
  bool held = false, attended = false, interest = true, event_observed = false;
  std::array<Id, kThreads> line = {kNobody, kNobody, kNobody, kNobody};

  // The worker pool.
  std::array<std::uint8_t, kServers> queued{};
  bool stopping = false, over = false;  // the first server's queue
  Id leader = kNobody;
  bool leader_asleep = false, leader_bell = false;
  bool dismissals = false, unsettled_calls = false, unseen_starts = false;
  bool dismissed = false;  // the first worker
  bool for_loop = false;   // what arrives is
  bool loop_bell = false, loop_work = false;

  // The watchdog.
  Watching watching = Watching::kAwake;
  bool has_timer = false, watchdog_bell = false;

  bool operator==(const State&) const = default;
};

using Step = model::Step<State>;

inline void add(std::uint8_t& to, int value) { to = static_cast<std::uint8_t>(to + value); }

bool has_answer(const Thread& thread);
// Whether a turn would find something.
bool has_unread(const State& state);
bool is_loop(const Model& model, Id thread);
// Of a worker.
bool is_dismissed(const Model& model, const State& state, Id worker);
bool has_call(const Model& model, const State& state, Id worker);

State initial(const Model& model);
std::vector<Step> steps(const Model& model, const State& from);

// Nothing is left to do that somebody could do, and everybody rests.
bool is_final(const Model& model, const State& state);
std::string_view fault_of(const State& state);

model::Verdict explore(const Model& model);

}  // namespace ipcbridge::worker_model
