#include <algorithm>
#include <thread>

#include "core/base/cpu.hpp"
#include "core/endpoint/driver_impl.hpp"

namespace ipcbridge {
namespace {

constexpr std::size_t kPollsPerClock = 16;
constexpr Duration kStopInterval = std::chrono::microseconds(4);

}  // namespace

AwakeSet::Readiness Driver::Impl::readiness() const {
  return context_.has_work() ? AwakeSet::Readiness::kReady : context_.awake().readiness();
}

// The kernel wakes whoever reads a socket on the CPU of whoever wrote to it, because the writer is expected to
// sleep soon. A writer that spins instead then keeps its peer from answering; so it lets it run. The kernel may leave
// both there for tens of milliseconds, though a CPU is idle; but it places a thread anew when it wakes it. So after a
// few times this says false: better to block.
bool Driver::Impl::yield_to_peers() {
  constexpr std::uint32_t kMostYields = 16;
  {
    const std::lock_guard lock(mutex_);
    const bool crowded = context_.awake().keeps_a_peer_waiting();
    if (!crowded || yields_ == kMostYields) {
      yields_ = 0;
      return !crowded;
    }
    ++yields_;
  }
  std::this_thread::yield();
  return true;
}

// A few looks under one lock. The more connections there are to look at, the longer a look takes.
AwakeSet::Readiness Driver::Impl::poll_readiness() {
  const std::lock_guard lock(mutex_);
  const std::size_t cost = std::max<std::size_t>(1, context_.awake().size());
  AwakeSet::Readiness seen = AwakeSet::Readiness::kNothing;
  for (std::size_t spent = 0; spent < kPollsPerClock; spent += cost) {
    seen = readiness();
    if (seen == AwakeSet::Readiness::kReady) {
      spin_.caught();
      spun_ = Duration::zero();
      break;
    }
    cpu_relax();
  }
  return seen;
}

bool Driver::Impl::spin(const std::function<bool()>& stop) {
  AwakeSet::Readiness seen = AwakeSet::Readiness::kNothing;
  {
    const std::lock_guard lock(mutex_);
    seen = readiness();
    // A wait that `stop` has interrupted goes on with what is left of its budget.
    if (seen == AwakeSet::Readiness::kExpecting && spun_ == Duration::zero())
      spin_budget_ = spin_.budget(context_.awake().size());
    if (seen == AwakeSet::Readiness::kReady) spun_ = Duration::zero();
  }
  if (seen == AwakeSet::Readiness::kReady) return true;
  if (seen == AwakeSet::Readiness::kNothing || spin_budget_ == Duration::zero()) return false;

  // The clock is not asked before it matters: a quick peer has answered by then.
  TimePoint start{};
  TimePoint next_stop{};
  for (;;) {
    seen = poll_readiness();
    if (seen == AwakeSet::Readiness::kReady) return true;
    if (seen == AwakeSet::Readiness::kNothing) return false;
    if (!yield_to_peers()) return false;
    const TimePoint now = context_.now();
    if (start == TimePoint{}) {
      start = now - spun_;
      next_stop = now + kStopInterval;
    }
    if (now - start >= spin_budget_) break;
    if (now < next_stop) continue;
    if (stop()) {
      spun_ = now - start;
      return false;
    }
    next_stop = now + kStopInterval;
  }
  const std::lock_guard lock(mutex_);
  spin_.missed();
  spun_ = Duration::zero();
  spin_budget_ = Duration::zero();
  return false;
}

}  // namespace ipcbridge
