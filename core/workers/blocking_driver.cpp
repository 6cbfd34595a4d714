#include "core/workers/blocking_driver.hpp"

#include <new>
#include <utility>
#include <variant>

#include "core/base/fork.hpp"
#include "core/workers/blocking_driver_impl.hpp"
#include "core/workers/wait.hpp"

namespace ipcbridge {

BlockingDriver::Impl::Impl(System& system, std::unique_ptr<Driver> driver, DriverWatch watch, Bell leader_bell,
                           Bell watchdog_bell, Observer observer)
    : system_(system),
      driver_(std::move(driver)),
      observer_(std::move(observer)),
      generation_(fork_guard::generation()),
      watch_(std::move(watch)),
      pool_(std::move(leader_bell)),
      watchdog_(std::move(watchdog_bell)) {}

void BlockingDriver::Impl::on_event(const Event& event) {
  std::visit([this](const auto& kind) { on(kind); }, event);
}

void BlockingDriver::Impl::on(const InboundCallEvent& event) {
  if (event.request.streams.count != 0) streams_.open_arguments(event.key, event.request.streams);
  if (event.request.passed_with && run_where_awaited(event, *event.request.passed_with)) return;
  const std::lock_guard lock(mutex_);  // whoever runs the Driver, or answers, wakes who is needed afterwards
  pool_.push(InboundCall(event));
}

// A function that was passed with a call runs where that is waited for. False where nobody does who can run it.
bool BlockingDriver::Impl::run_where_awaited(const InboundCallEvent& event, std::uint64_t token) {
  const auto* place = reinterpret_cast<const AnswerPlace*>(token);  // NOLINT(performance-no-int-to-ptr)
  if (place->local == nullptr) return false;
  place->local->add_call(InboundCall(event));
  note_due();
  return true;
}

// What never began is answered by the reader, and nobody else hears of it.
void BlockingDriver::Impl::on(const CancelEvent& event) {
  cancelled_.push_back(event.key);  // before it is taken back, because there may be no memory for that
  if (take_back(event)) return;
  cancelled_.pop_back();
  tell_observer(event);
}

void BlockingDriver::Impl::on(const ServerStateEvent& event) {
  if (event.state == ServerState::kClosed) note_closed(event.server);
  tell_observer(event);
}

// Where there is no memory for it they keep the place in the round that their connection had.
void BlockingDriver::Impl::on(const OrphansEvent& event) {
  const std::lock_guard lock(mutex_);
  try {
    pool_.end_connection(event.server, event.connection);
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch)
  }
}

bool BlockingDriver::Impl::take_back(const CancelEvent& cancel) {
  const std::lock_guard lock(mutex_);
  return pool_.cancel(cancel.server, cancel.key);
}

void BlockingDriver::Impl::reply(const RequestKey& request, const Payload& payload) {
  driver_->reply(request, payload, sink_of_answer());
  streams_.drop_arguments(request);
  note_answer(request);
}

void BlockingDriver::Impl::reply_error(const RequestKey& request, Code code, std::string_view message,
                                       const Payload& details) {
  driver_->reply_error(request, code, message, details, sink_of_answer());
  streams_.drop_arguments(request);
  note_answer(request);
}

// After a few calls in a row the next one waits until somebody has read: what is for others may have arrived.
EventSink* BlockingDriver::Impl::sink_of_answer() {
  constexpr std::uint32_t kMostInARow = 16;
  return handed_over_.load(std::memory_order_relaxed) < kMostInARow ? this : nullptr;
}

void BlockingDriver::Impl::note_closed(ServerId server) {
  const std::lock_guard lock(mutex_);
  if (WorkQueue* queue = pool_.find(server)) queue->over = true;
  pool_.erase_if_over(server);
}

void BlockingDriver::Impl::tell_observer(const ObservedEvent& event) {
  try {
    if (observer_) observer_(event);
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): whoever waits looks all the same
  }
  const std::lock_guard lock(mutex_);
  ++observed_;
  token_.recheck_conditions();
}

void BlockingDriver::Impl::set_loop_methods(ServerId server, std::vector<bool> methods) {
  const Scope lock(*this);
  pool_.queue(server).set_loop_methods(std::move(methods));
}

WorkerLoad BlockingDriver::Impl::load(ServerId server) {
  const std::lock_guard lock(mutex_);
  WorkQueue* queue = pool_.find(server);
  return queue == nullptr ? WorkerLoad{} : queue->load(system_.now());
}

bool BlockingDriver::Impl::forked() const { return generation_ != fork_guard::generation(); }

BlockingDriver::BlockingDriver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

BlockingDriver::~BlockingDriver() {
  // The threads and the locks of a forked child's copy are the parent's.
  if (impl_->forked()) static_cast<void>(impl_.release());
}

Result<std::unique_ptr<BlockingDriver>> BlockingDriver::create(const DriverOptions& options, Observer observer) {
  DriverOptions shared = options;
  shared.shared_by_threads = true;
  Result<std::unique_ptr<Driver>> driver = Driver::create(shared);
  if (!driver.ok()) return driver.error();
  Result<DriverWatch> watch = DriverWatch::create(*options.system, driver.value()->fd());
  if (!watch.ok()) return watch.error();
  Result<Bell> leader_bell = Bell::create(*options.system);
  if (!leader_bell.ok()) return leader_bell.error();
  Result<Bell> watchdog_bell = Bell::create(*options.system);
  if (!watchdog_bell.ok()) return watchdog_bell.error();
  auto impl =
      std::make_unique<Impl>(*options.system, std::move(driver).value(), std::move(watch).value(),
                             std::move(leader_bell).value(), std::move(watchdog_bell).value(), std::move(observer));
  if (Status status = impl->start(); !status.ok()) return status.error();
  return std::unique_ptr<BlockingDriver>(new BlockingDriver(std::move(impl)));
}

Driver& BlockingDriver::driver() { return impl_->driver(); }

CallResult BlockingDriver::call(ClientId client, std::uint32_t method, const CallOptions& options, ConstBytes metadata,
                                const Payload& payload, const Interrupted& interrupted, LocalWork* local) {
  if (impl_->forked()) {
    return CallResult::failed(impl_->driver().call(client, 0, method, options, metadata, payload).error());
  }
  return impl_->call({client, method, options, metadata, payload, local}, interrupted);
}

Status BlockingDriver::submit(SubmittedCall& submitted, ClientId client, std::uint32_t method,
                              const CallOptions& options, ConstBytes metadata, const Payload& payload,
                              const Interrupted& interrupted) {
  if (impl_->forked()) return impl_->driver().call(client, 0, method, options, metadata, payload).error();
  return impl_->submit(submitted, {client, method, options, metadata, payload}, interrupted);
}

SubmittedCall* BlockingDriver::take_answered(bool collects) {
  return impl_->forked() ? nullptr : impl_->take_answered(collects);
}

bool BlockingDriver::wait_answered(const SubmittedCall& call, TimePoint deadline, const Interrupted& interrupted) {
  return !impl_->forked() && impl_->wait_answered(call, deadline, interrupted);
}

bool BlockingDriver::is_taken(const SubmittedCall& call) const { return impl_->submitted().is_taken(call); }

bool BlockingDriver::wait_unattended() { return !impl_->forked() && impl_->wait_unattended(); }

void BlockingDriver::stop_collecting() {
  if (!impl_->forked()) impl_->submitted().stop();
}

bool BlockingDriver::cancel(SubmittedCall& call) { return !impl_->forked() && impl_->cancel(call); }

bool BlockingDriver::wait_until(const std::function<bool()>& done, TimePoint deadline, const Interrupted& interrupted) {
  return !impl_->forked() && impl_->wait_until(done, deadline, interrupted);
}

void BlockingDriver::reply(const RequestKey& request, const Payload& payload) {
  if (!impl_->forked()) impl_->reply(request, payload);
}

void BlockingDriver::reply_error(const RequestKey& request, Code code, std::string_view message,
                                 const Payload& details) {
  if (!impl_->forked()) impl_->reply_error(request, code, message, details);
}

std::optional<OpenedStreams> BlockingDriver::reply(const RequestKey& request, const Payload& payload,
                                                   std::uint32_t streams, const StreamTable::Origin& origin,
                                                   std::span<const std::uint64_t> references) {
  return impl_->forked() ? std::nullopt : impl_->reply(request, payload, streams, origin, references);
}

StreamTable::Queues BlockingDriver::take_arguments(const RequestKey& call) {
  return impl_->forked() ? StreamTable::Queues() : impl_->take_arguments(call);
}

void BlockingDriver::resume_stream(const StreamKey& stream) {
  if (!impl_->forked()) impl_->resume_soon(stream);
}

void BlockingDriver::end_stream(const StreamKey& stream, const Error* error, const Payload& details) {
  if (!impl_->forked()) impl_->end_stream(stream, error, details);
}

Result<BlockingDriver::NextItems> BlockingDriver::next_items(StreamQueue& stream, StreamQueue::Batch& batch,
                                                             TimePoint deadline, const Interrupted& interrupted,
                                                             LocalWork* local) {
  return impl_->forked()
             ? Result<NextItems>(Error{Code::kFailedPrecondition, "the stream is the parent's, which called fork()"})
             : impl_->next_items(stream, batch, deadline, interrupted, local);
}

void BlockingDriver::forget_streams(const LocalWork& streams) {
  if (!impl_->forked()) impl_->forget_streams(streams);
}

void BlockingDriver::leave_stream(StreamQueue& stream) {
  if (!impl_->forked()) impl_->leave_stream(stream);
}

void BlockingDriver::stop_workers(ServerId server) {
  if (!impl_->forked()) impl_->stop_workers(server);
}

std::uint32_t BlockingDriver::dismiss_workers(ServerId server) {
  return impl_->forked() ? 0 : impl_->dismiss_workers(server);
}

void BlockingDriver::set_loop_methods(ServerId server, std::vector<bool> methods) {
  if (!impl_->forked()) impl_->set_loop_methods(server, std::move(methods));
}

WorkerLoad BlockingDriver::load(ServerId server) { return impl_->forked() ? WorkerLoad{} : impl_->load(server); }

}  // namespace ipcbridge
