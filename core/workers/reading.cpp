// BlockingDriver: what the holder of the reader token does.
#include "core/base/poll.hpp"
#include "core/workers/blocking_driver_impl.hpp"

namespace ipcbridge {
namespace {

// How often a thread that leaves reads on because messages keep arriving, before it leaves all the same.
constexpr int kMaxLastRuns = 16;

// A run takes about a millisecond at the most.
constexpr std::uint32_t kRunsPerPoll = 16;

}  // namespace

bool BlockingDriver::Impl::run_driver(bool poll) {
  handed_over_.store(0, std::memory_order_relaxed);
  // Where messages never run out, nobody sleeps in the kernel: it has to be asked for new connections, doorbells and
  // timers all the same.
  const bool more = driver_->run(*this, poll || ++runs_ % kRunsPerPoll == 0);
  for (const RequestKey& key : cancelled_) {
    driver_->reply_error(key, Code::kCancelled, "the call was cancelled before it began", {});
    streams_.drop_arguments(key);
  }
  cancelled_.clear();
  return more;
}

// What was read may be for workers that sleep.
bool BlockingDriver::Impl::run(bool poll) {
  const bool more = run_driver(poll);
  if (pool_.has_new_calls()) const Scope waking(*this);
  return more;
}

std::optional<BlockingDriver::Impl::Reading> BlockingDriver::Impl::try_read() {
  {
    const Scope lock(*this);
    if (!token_.try_take()) return std::nullopt;
  }
  return Reading(*this);
}

// Leaves the reading to others: to a caller that waits, or with everything armed to those who watch.
void BlockingDriver::Impl::release_token() {
  bool armed = false;
  for (int i = 0; i < kMaxLastRuns && !armed && !token_.is_wanted(); ++i) {
    armed = driver_->prepare_sleep();
    if (!armed) run(i > 0);  // mostly a message that has just come, which needs no look at descriptors
  }
  const Scope lock(*this);
  token_.pass_on(armed);
  if (!token_.is_held()) watch_.set_interest(true);
}

// One round as the reader, by somebody who waits for a call in this queue. False when there is nothing to do but sleep;
// then everything is armed.
bool BlockingDriver::Impl::read_for_calls(const WorkQueue& queue, Round round, Scope& lock) {
  token_.try_take();
  // A thread that spins could take the CPU from a handler that may soon be done, which makes the method look slow,
  // which calls more threads to read.
  const bool may_spin = !pool_.expects_worker();
  lock.unlock();
  std::optional<Reading> reading(std::in_place, *this);
  bool busy = round.runs && run_driver(round.polls);
  const auto called_away = [this, loop = round.loop] {
    return token_.is_wanted() || descriptor_is_ready() || (loop != nullptr && loop->others_are_ready());
  };
  if (!busy && may_spin && !pool_.has_new_calls()) {
    busy = driver_->spin(called_away);
    if (busy) run_driver(false);
  }
  lock.lock();
  if (!queue.empty()) {
    reading->pass_on_unarmed(lock);
    return true;
  }
  lock.unlock();
  reading.reset();
  lock.lock();
  return busy;
}

bool BlockingDriver::Impl::descriptor_is_ready() const { return is_readable_now(driver_->fd()); }

}  // namespace ipcbridge
