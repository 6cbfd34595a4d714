#include "core/workers/pump.hpp"

#include <utility>

#include "core/base/fork.hpp"
#include "core/base/futex.hpp"
#include "core/workers/pump_impl.hpp"

namespace ipcbridge {
namespace {

// How often a call looks for room in its queue: no event tells of that.
constexpr Duration kLookInterval = std::chrono::milliseconds(100);

CallResult failed(const Error& error) {
  CallResult result;
  result.message = error.message;
  result.outcome.code = error.code;
  result.outcome.message = result.message;
  return result;
}

}  // namespace

void Pump::Impl::on_event(const Event& event) {
  switch (event.kind) {
    case Event::Kind::kOutcome:
      on_outcome(event);
      return;
    case Event::Kind::kRequest:
      on_request(event);
      return;
    case Event::Kind::kCancel:
      if (take_back(event)) {
        cancelled_.push_back(event.key);
        return;
      }
      break;
    case Event::Kind::kServerState:
      if (static_cast<ServerState>(event.state) == ServerState::kClosed) {
        const std::lock_guard lock(mutex_);
        const auto queue = queues_.find(event.owner);
        if (queue != queues_.end()) queue->second.over = true;
        erase_if_over(event.owner);
      }
      break;
    case Event::Kind::kClientState:
      break;
  }
  if (observer_) observer_(event);
  wake_who_looks();
}

void Pump::Impl::wake_who_looks() {
  const std::lock_guard lock(mutex_);
  ++observed_;
  for (Waiter* waiter : sleepers_) {
    std::uint32_t expected = Waiter::kAsleep;
    if (!waiter->looks || !waiter->state.compare_exchange_strong(expected, Waiter::kAwake)) continue;
    futex_wake_one(waiter->state);
  }
}

// What never began is answered by the reader, and nobody else hears of it.
bool Pump::Impl::take_back(const Event& cancel) {
  const std::lock_guard lock(mutex_);
  const auto queue = queues_.find(cancel.owner);
  return queue != queues_.end() && queue->second.cancel(cancel.key);
}

void Pump::Impl::on_outcome(const Event& event) {
  auto& waiter = *reinterpret_cast<Waiter*>(event.token);  // NOLINT(performance-no-int-to-ptr)
  CallResult& result = waiter.result;
  result.outcome = event.outcome;
  result.message = event.outcome.message;
  if (event.storage != nullptr) {
    result.storage = std::move(*event.storage);  // the payload's address stays the same
  } else {
    result.storage.assign(event.outcome.payload.begin(), event.outcome.payload.end());
    result.outcome.payload = result.storage;
  }
  // The waiter may return, and its stack go, as soon as it sees kDone: the wake needs only the address.
  const std::uint32_t before = waiter.state.exchange(Waiter::kDone, std::memory_order_acq_rel);
  if (before == Waiter::kAsleep) futex_wake_one(waiter.state);
}

void Pump::Impl::on_request(const Event& event) {
  Work work;
  work.key = event.key;
  work.method = event.request.method;
  work.timeout_us = event.request.timeout_us;
  if (work.timeout_us != 0) work.received = Clock::now();
  if (event.storage != nullptr) {
    work.storage = std::move(*event.storage);
    work.payload = event.request.payload;
    work.metadata = event.request.metadata;
  } else {
    const std::size_t payload_bytes = event.request.payload.size();
    work.storage.reserve(payload_bytes + event.request.metadata.size());
    append(work.storage, event.request.payload);
    append(work.storage, event.request.metadata);
    work.payload = ConstBytes(work.storage).first(payload_bytes);
    work.metadata = ConstBytes(work.storage).subspan(payload_bytes);
  }
  const std::lock_guard lock(mutex_);
  queues_[event.owner].push(std::move(work));
  unclaimed_.store(true, std::memory_order_relaxed);
}

CallResult Pump::Impl::call(ClientId client, std::uint32_t method, const CallOptions& options, ConstBytes metadata,
                            ConstBytes payload, const Interrupted& interrupted) {
  Waiter waiter;
  const auto token = reinterpret_cast<std::uint64_t>(&waiter);
  if (Status status = send(client, token, method, options, metadata, payload, interrupted); !status.ok()) {
    return failed(status.error());
  }
  if (options.notify) {
    arm_again();
    return {};
  }
  if (!wait(waiter, nullptr, kNever, interrupted)) {
    driver_->cancel(client, token);  // from here on no outcome can arrive
    arm_again();
    if (!waiter.done()) return failed({Code::kCancelled, "the call was interrupted"});
  }
  return std::move(waiter.result);
}

// Waits where the queue is full.
Status Pump::Impl::send(ClientId client, std::uint64_t token, std::uint32_t method, CallOptions options,
                        ConstBytes metadata, ConstBytes payload, const Interrupted& interrupted) {
  const TimePoint deadline = options.timeout ? deadline_after(Clock::now(), *options.timeout) : kNever;
  for (;;) {
    Status status = driver_->call(client, token, method, options, metadata, payload);
    if (status.ok()) return status;
    // Asked once: whoever reads may empty the queue between two questions.
    const std::uint64_t queued = driver_->client_status(client).queued_bytes;
    if (status.error().code != Code::kResourceExhausted || queued == 0) return status;
    const auto room = [&] { return driver_->client_status(client).queued_bytes < queued; };
    const bool found = wait_until(room, deadline, interrupted, kLookInterval);
    const TimePoint now = Clock::now();
    if (now >= deadline) {
      return Error{Code::kDeadlineExceeded,
                   "the call could not be sent before its deadline: " + status.error().message};
    }
    if (!found) return Error{Code::kCancelled, "the call was interrupted"};
    if (options.timeout) options.timeout = deadline - now;
  }
}

// A call that was sent, this thread's or one that waited behind it, has woken its connection, for which the peer then
// rings no more: somebody must arm it, since this thread does not stay to read the answer.
void Pump::Impl::arm_again() {
  if (try_read()) {
    stop_reading();
  } else {
    driver_->ring();
  }
}

Pump::Busy Pump::Impl::busy(ServerId server) {
  const std::lock_guard lock(mutex_);
  const auto queue = queues_.find(server);
  return queue == queues_.end() ? Busy{} : queue->second.busy(Clock::now());
}

bool Pump::Impl::forked() const { return generation_ != fork_guard::generation(); }

Pump::Pump(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Pump::~Pump() {
  // The threads and the locks of a forked child's copy are the parent's.
  if (impl_->forked()) static_cast<void>(impl_.release());
}

Result<std::unique_ptr<Pump>> Pump::create(const DriverOptions& options, Observer observer) {
  Result<std::unique_ptr<Driver>> driver = Driver::create(options);
  if (!driver.ok()) return driver.error();
  auto impl = std::make_unique<Impl>(std::move(driver).value(), std::move(observer));
  if (Status status = impl->start(*options.system); !status.ok()) return status.error();
  return std::unique_ptr<Pump>(new Pump(std::move(impl)));
}

Driver& Pump::driver() { return impl_->driver(); }

CallResult Pump::call(ClientId client, std::uint32_t method, const CallOptions& options, ConstBytes metadata,
                      ConstBytes payload, const Interrupted& interrupted) {
  // The Driver of a forked child says so itself, before any lock of the pump is touched.
  return impl_->call(client, method, options, metadata, payload, interrupted);
}

bool Pump::wait_until(const std::function<bool()>& done, TimePoint deadline, const Interrupted& interrupted) {
  return !impl_->forked() && impl_->wait_until(done, deadline, interrupted);
}

bool Pump::next_work(ServerId server, Work& work, const Interrupted& interrupted) {
  return !impl_->forked() && impl_->next_work(server, work, interrupted);
}

bool Pump::await_work(ServerId server, Work& work, const Interrupted& interrupted) {
  return !impl_->forked() && impl_->await_work(server, work, interrupted);
}

void Pump::begin_next(ServerId server, const Work& work, std::uint32_t method) {
  if (!impl_->forked()) impl_->begin_next(server, work, method);
}

void Pump::leave_work(ServerId server, Work& work) {
  if (!impl_->forked()) impl_->leave_work(server, work);
}

bool Pump::more_work(ServerId server, Work& work) { return !impl_->forked() && impl_->more_work(server, work); }

void Pump::stop_workers(ServerId server) {
  if (!impl_->forked()) impl_->stop_workers(server);
}

std::uint32_t Pump::begin_shift(ServerId server) { return impl_->forked() ? 0 : impl_->begin_shift(server); }

Pump::Busy Pump::busy(ServerId server) { return impl_->forked() ? Busy{} : impl_->busy(server); }

}  // namespace ipcbridge
