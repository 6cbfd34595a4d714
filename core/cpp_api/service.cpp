#include "core/cpp_api/service.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/thread.hpp"
#include "core/cpp_api/describe.hpp"
#include "core/cpp_api/errors.hpp"
#include "core/cpp_api/joined.hpp"
#include "core/cpp_api/references.hpp"
#include "core/rpc/hello.hpp"
#include "core/workers/worker.hpp"

namespace ipcbridge {
namespace {

Methods checked(const std::string& address, Methods methods, const ServiceOptions& options) {
  if (options.threads < 1 || options.threads > kMaxThreads) {
    raise(Error{Code::kInvalidArgument, "threads is 1 to " + std::to_string(kMaxThreads)});
  }
  for (const auto& [name, handler] : methods) {
    if (!handler) raise(Error{Code::kInvalidArgument, "the method '" + name + "' has no handler"});
  }
  if (!methods.contains(kDescribeMethod)) {
    methods.emplace(kDescribeMethod,
                    [description = describe_service(address, methods)](const IncomingCall&) { return description; });
  }
  return methods;
}

Takeover takeover(ServiceOptions::Takeover chosen) {
  switch (chosen) {
    case ServiceOptions::Takeover::kFail:
      return Takeover::kFail;
    case ServiceOptions::Takeover::kReplace:
      return Takeover::kReplace;
    case ServiceOptions::Takeover::kWait:
      break;
  }
  return Takeover::kWait;
}

}  // namespace

Service::Impl::Impl(std::shared_ptr<Engine> engine, const std::string& address, Methods methods,
                    const ServiceOptions& options)
    : engine_(std::move(engine)),
      methods_(checked(address, std::move(methods), options)),
      on_error_(options.on_error),
      id_(listen(address, options)) {
  try {
    start_threads(options.threads);
  } catch (...) {
    engine_->driver().driver().close_server(id_, Duration::zero());
    end_threads();
    throw;
  }
}

Service::Impl::~Impl() {
  if (engine_->forked()) {
    // The threads are the parent's; to join them here would wait for ever.
    for (std::thread& thread : threads_) thread.detach();
    return;
  }
  close(defaults::kGrace);
  engine_->states().forget(StateTracker::server(id_));
}

ServerId Service::Impl::listen(const std::string& address, const ServiceOptions& options) {
  ServeOptions serve;
  serve.address = address;
  for (auto method = methods_.cbegin(); method != methods_.cend(); ++method) {
    serve.methods.push_back(method->first);
    by_number_.push_back(method);
  }
  serve.shared = options.shared;
  serve.takeover = takeover(options.takeover);
  serve.takeover_timeout = checked_duration(options.takeover_timeout, "takeover_timeout");
  serve.allow = {options.allow_users, options.allow_groups};
  serve.mode = options.mode;
  serve.limits.max_streams = 0;  // nothing here reads any
  const ServerId id = unwrap(engine_->driver().driver().serve(serve));
  const std::optional<StateTracker::State> seen =
      engine_->states().wait_begun(engine_->driver(), StateTracker::server(id));
  if (seen && !seen->begun) {
    engine_->states().forget(StateTracker::server(id));
    raise(seen->why);
  }
  return id;
}

void Service::Impl::start_threads(unsigned count) {
  threads_.reserve(count);
  for (unsigned i = 0; i < count; ++i) threads_.push_back(unwrap(start_thread(engine_->system(), [this] { work(); })));
  for (const std::thread& thread : threads_) thread_ids_.push_back(thread.get_id());
}

void Service::Impl::end_threads() {
  engine_->driver().stop_workers(id_);
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Service::Impl::close(Duration grace) {
  if (std::find(thread_ids_.begin(), thread_ids_.end(), std::this_thread::get_id()) != thread_ids_.end()) {
    raise(Error{Code::kFailedPrecondition, "a handler cannot close its own service: close() waits for it"});
  }
  engine_->driver().driver().close_server(id_, grace);
  wait();
  const std::lock_guard lock(ending_);
  end_threads();
}

void Service::Impl::wait() {
  static_cast<void>(engine_->driver());
  engine_->states().sleep_until_closed(id_);
}

void Service::Impl::work() {
  Worker worker(engine_->driver(), id_);
  for (InboundCall call; worker.next(call);) answer(call);
}

void Service::Impl::answer(const InboundCall& inbound) {
  const auto& [name, handler] = *by_number_[inbound.method];
  IncomingCall call;
  call.method = name;
  Bytes with_attachments;
  if (!inbound.storage.attachments.empty()) {
    with_attachments = joined(inbound.payload, inbound.storage.attachments);
  }
  call.arguments = with_attachments.empty() ? inbound.payload : ConstBytes(with_attachments);
  call.metadata = inbound.metadata;
  if (inbound.timeout_us != 0) {
    call.deadline = deadline_after(inbound.received, from_microseconds(inbound.timeout_us));
  }
  call.cancelled = [this, &inbound] { return engine_->states().cancelled(inbound.key); };
  BlockingDriver& driver = engine_->driver();
  try {
    refuse_references(driver.driver(), inbound.key.connection, inbound.payload, "the arguments have",
                      "send the data, and ask for what would be called back");
    const Bytes result = handler(call);
    driver.reply(inbound.key, result);
  } catch (...) {
    const ErrorReply error = describe_exception(std::current_exception());
    driver.reply_error(inbound.key, error.code, error.message, error.payload);
    if (!error.expected && on_error_) on_error_(name, error.message);
  }
  engine_->states().answered(inbound.key);
}

ServiceStatus Service::Impl::status() const {
  BlockingDriver& driver = engine_->driver();
  const ServerStatus seen = driver.driver().server_status(id_);
  const WorkerLoad load = driver.load(id_);
  ServiceStatus status;
  status.state = state_name(seen.state);
  status.connections = seen.connections;
  status.shm_connections = seen.shm_connections;
  status.busy_threads = load.running;
  status.queued_calls = load.queued;
  return status;
}

Service::Service(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Service::~Service() = default;
Service::Service(Service&&) noexcept = default;
Service& Service::operator=(Service&&) noexcept = default;

void Service::close(std::chrono::nanoseconds grace) { impl_->close(checked_duration(grace, "grace")); }

void Service::wait() { impl_->wait(); }

ServiceStatus Service::status() const { return impl_->status(); }

}  // namespace ipcbridge
