#include "tests/core/workers/worker_model.hpp"

#include <algorithm>
#include <string_view>

#include "tests/core/workers/worker_model_stepper.hpp"

namespace ipcbridge::worker_model {
namespace {

// Nobody waits for this thread, and it waits for what has not come.
bool rests(const State& s, const Thread& thread) {
  const bool message = s.readable && s.interest;
  switch (thread.at) {
    case At::kGone:
    case At::kSlowHandler:
    case At::kLate:
    case At::kLoopBlocked:
      return true;
    case At::kInLine:  // of a handler whose call is not answered
    case At::kFollowing:
      return thread.word == Word::kAsleep;
    case At::kBlocked:
      return !s.readable;
    case At::kLeaderAsleep:
      return !s.leader_bell && !message;
    case At::kLoopAsleep:
      return !s.loop_bell && !s.loop_work && !(message && !thread.following);
    case At::kPause:
      return !s.watchdog_bell && !s.has_timer;
    case At::kWatchDriver:
      return !s.watchdog_bell && !s.has_timer && !message;
    default:
      return false;
  }
}

bool is_idle(const Thread& thread) {
  return thread.at == At::kFollowing || thread.at == At::kLeaderAsleep || thread.at == At::kLoopAsleep;
}

}  // namespace

bool has_answer(const Thread& thread) { return thread.answer == Answer::kUnread; }

bool has_unread(const State& s) {
  return s.unread_calls[0] + s.unread_calls[1] != 0 || s.unread_event || s.unread_closed || s.due ||
         std::any_of(s.threads.begin(), s.threads.end(), has_answer);
}

bool is_loop(const Model& model, Id thread) { return model.loop && thread == kFirstWorker + 1; }

bool is_dismissed(const Model& model, const State& s, Id worker) {
  return (s.stopping && model.server_of(worker) == 0) || (s.dismissed && worker == kFirstWorker);
}

bool has_call(const Model& model, const State& s, Id worker) { return s.queued[model.server_of(worker)] > 0; }

State initial(const Model& model) {
  State s;
  s.calls_to_come = model.calls;
  s.slow_to_come = model.slow;
  s.nested_to_come = model.nested;
  s.disturbances_to_come = model.disturbances;
  s.event_to_come = model.caller == Caller::kWaitsForEvent;
  s.close_to_come = model.stops;
  s.stop_to_come = model.stops;
  s.dismissal_to_come = model.dismisses;
  s.loop_work_to_come = model.loop_work;
  if (model.caller == Caller::kCalls) s.threads[kCaller].at = At::kTakeForCall;
  if (model.caller == Caller::kWaitsForEvent) s.threads[kCaller].at = At::kObserve;
  for (Id worker = 0; worker < model.workers; ++worker) {
    // How they enter is of interest only where somebody stops them.
    Thread& thread = s.threads[kFirstWorker + worker];
    thread.at = model.stops ? At::kEnter : At::kWait;
    thread.work = model.stops ? Work::kNone : Work::kIdle;
  }
  if (model.loop) {
    // It may be kept from coming for the first time.
    s.threads[kFirstWorker + 1].at = At::kLoopRuns;
    s.threads[kFirstWorker + 1].work = model.mutation == Mutation::kLoopEntersIdle ? Work::kIdle : Work::kComing;
    s.unseen_starts = true;
  }
  if (model.dismisses) s.threads[kFirstWorker + 1] = Thread{};
  if (model.calling) {
    s.threads[kFirstWorker].at = At::kTakeForCall;
    s.threads[kFirstWorker].work = Work::kRunning;
  }
  s.threads[kWatchdog].at = At::kWatch;
  return s;
}

std::vector<Step> steps(const Model& model, const State& from) { return Stepper(model, from).run(); }

bool is_final(const Model& model, const State& s) {
  const bool world_rests = s.calls_to_come[0] + s.calls_to_come[1] == 0 && s.disturbances_to_come == 0 &&
                           !s.event_to_come && !s.close_to_come && !s.stop_to_come && !s.dismissal_to_come &&
                           !s.loop_work_to_come;
  if (!world_rests || has_unread(s) || (s.held && !model.unanswered)) return false;
  if (s.threads[kCaller].at != At::kGone) return false;
  for (const Thread& thread : s.threads) {
    if (!rests(s, thread)) return false;
  }
  for (Id worker = kFirstWorker; worker < kWatchdog; ++worker) {
    if (!is_idle(s.threads[worker])) continue;
    if (has_call(model, s, worker) || is_dismissed(model, s, worker)) return false;
    if (model.stops && model.server_of(worker) == 0) return false;
  }
  return true;
}

std::string_view fault_of(const State& s) {
  int readers = 0;
  for (const Thread& thread : s.threads) {
    readers += thread.reading || (thread.at == At::kInLine && thread.word == Word::kPromoted) ? 1 : 0;
    const bool looks =
        thread.at == At::kLook || thread.at == At::kReadAWhile || thread.at == At::kSend || thread.at == At::kSpin;
    if (thread.reading && looks && s.asleep) return "who reads is taken to be asleep";
  }
  if (readers > 1) return "two threads read";
  if (readers == 1 && !s.held) return "a thread reads without the token";
  return "";
}

model::Verdict explore(const Model& model) {
  return model::explore(
      initial(model), [&](const State& from) { return steps(model, from); },
      [&](const State& state) { return is_final(model, state); }, fault_of);
}

}  // namespace ipcbridge::worker_model
