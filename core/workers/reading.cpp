// BlockingDriver: what the holder of the reader token does.
#include <poll.h>

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
  }
  cancelled_.clear();
  return more;
}

// What was read may be for workers that sleep.
bool BlockingDriver::Impl::run(bool poll) {
  const bool more = run_driver(poll);
  if (pool_.has_unsettled_calls()) const Scope settled(*this);
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
    if (!armed) run(true);
  }
  const Scope lock(*this);
  token_.pass_on(armed);
  if (!token_.is_held()) watch_.set_interest(true);
}

bool BlockingDriver::Impl::descriptor_is_ready() const {
  pollfd descriptor{driver_->fd(), POLLIN, 0};
  return ::poll(&descriptor, 1, 0) > 0;
}

}  // namespace ipcbridge
