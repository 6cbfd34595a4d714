#include "core/workers/submitted_calls.hpp"

#include <chrono>
#include <new>
#include <utility>

namespace ipcbridge {
namespace {

// How long the collector leaves answers to a thread that has just waited for another one.
constexpr std::chrono::milliseconds kPatience{1};

}  // namespace

void SubmittedCalls::begin(SubmittedCall& call, ClientId client) {
  const std::lock_guard lock(mutex_);
  call.client_ = client;
  call.state_ = SubmittedCall::State::kInFlight;
}

void SubmittedCalls::put(SubmittedCall& call, const OutcomeEvent& event, StreamTable& streams) {
  try {
    call.result.take(event);
    if (event.outcome.streams.count != 0) {
      call.result.streams = streams.open(event.connection, event.outcome.streams);
    }
  } catch (const std::bad_alloc&) {
    call.result = CallResult::failed({Code::kResourceExhausted, kOutOfMemory});
    call.lost_ = {event.connection, event.outcome.streams};
  }
  const std::lock_guard lock(mutex_);
  call.state_ = SubmittedCall::State::kAnswered;
  call.before_ = last_;
  call.behind_ = nullptr;
  (last_ == nullptr ? first_ : last_->behind_) = &call;
  last_ = &call;
  answered_.fetch_add(1);
  if (collector_sleeps_ && !any_waits()) unattended_.notify_one();
}

void SubmittedCalls::remove(SubmittedCall& call) {
  (call.before_ == nullptr ? first_ : call.before_->behind_) = call.behind_;
  (call.behind_ == nullptr ? last_ : call.behind_->before_) = call.before_;
  answered_.fetch_sub(1);
}

SubmittedCall* SubmittedCalls::take(bool collects, SubmittedCall::LostStreams& lost) {
  if (!any_answered()) return nullptr;
  const std::lock_guard lock(mutex_);
  SubmittedCall* call = first_;
  if (call == nullptr) return nullptr;
  remove(*call);
  lost = call->lost_;
  call->state_ = SubmittedCall::State::kTaken;
  taken_by_waiters_ += collects ? 0 : 1;
  return call;
}

bool SubmittedCalls::withdraw(SubmittedCall& call) {
  const std::lock_guard lock(mutex_);
  if (call.state_ == SubmittedCall::State::kTaken) return false;
  if (call.state_ == SubmittedCall::State::kAnswered) remove(call);
  call.state_ = SubmittedCall::State::kTaken;
  return true;
}

bool SubmittedCalls::is_taken(const SubmittedCall& call) const {
  const std::lock_guard lock(mutex_);
  return call.state_ == SubmittedCall::State::kTaken;
}

void SubmittedCalls::note_waiting(bool waits) {
  if (waits) {
    waiting_.fetch_add(1);
    return;
  }
  const std::lock_guard lock(mutex_);
  waiting_.fetch_sub(1);
  if (collector_sleeps_ && is_unattended()) unattended_.notify_one();
}

bool SubmittedCalls::leave_looking_to_collector() {
  const std::lock_guard lock(mutex_);
  if (!collector_waits_) return false;
  look_due_ = true;
  if (collector_sleeps_) unattended_.notify_one();
  return true;
}

SubmittedCalls::Due SubmittedCalls::wait_unattended() {
  std::unique_lock lock(mutex_);
  collector_waits_ = true;
  const auto wakes = [this] { return stopped_ || look_due_ || is_unattended(); };
  if (!wakes()) {
    collector_sleeps_ = true;
    unattended_.wait(lock, wakes);
    collector_sleeps_ = false;
  }
  // Where threads wait for one call after the other, what is answered is left to them.
  for (std::uint64_t before = seen_; !stopped_ && (look_due_ || before != taken_by_waiters_);) {
    before = taken_by_waiters_;
    unattended_.wait_for(lock, kPatience, [this] { return stopped_; });
    if (before == taken_by_waiters_) break;
  }
  seen_ = taken_by_waiters_;
  collector_waits_ = false;
  if (stopped_) return Due::kStop;
  return std::exchange(look_due_, false) ? Due::kLook : Due::kTake;
}

void SubmittedCalls::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  unattended_.notify_all();
}

}  // namespace ipcbridge
