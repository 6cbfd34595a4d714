#include "core/cpp_api/remote.hpp"

#include <utility>

#include "core/cpp_api/errors.hpp"
#include "core/cpp_api/joined.hpp"
#include "core/cpp_api/references.hpp"

namespace ipcbridge {
namespace {

// Every service has a hidden method that describes it.
constexpr std::string_view kHidden = "__";

ConnectOptions connect_options(const std::string& address, const RemoteOptions& options) {
  ConnectOptions made;
  made.addresses.push_back(address);
  made.addresses.insert(made.addresses.end(), options.replicas.begin(), options.replicas.end());
  made.connect_timeout = checked_duration(options.connect_timeout, "connect_timeout");
  made.max_queued_bytes = options.max_queued_bytes;
  made.allow = {options.allow_users, options.allow_groups};
  made.lazy = options.lazy;
  made.limits.max_streams = 0;  // nothing here reads any
  return made;
}

}  // namespace

Remote::Impl::Impl(std::shared_ptr<Engine> engine, const std::string& address, const RemoteOptions& options)
    : engine_(std::move(engine)), id_(unwrap(engine_->driver().driver().connect(connect_options(address, options)))) {
  if (options.lazy) return;
  const std::optional<StateTracker::State> found =
      engine_->states().wait_begun(engine_->driver(), StateTracker::client(id_));
  if (!found || found->begun) return;
  engine_->states().forget(StateTracker::client(id_));
  raise(found->why);
}

Remote::Impl::~Impl() {
  if (engine_->forked()) return;
  close();
  engine_->states().forget(StateTracker::client(id_));
}

CallResult Remote::Impl::send(std::string_view method, BytesView arguments, const RequestOptions& options,
                              bool notify) {
  BlockingDriver& driver = engine_->driver();
  const Result<std::uint32_t> number = driver.driver().find_method(id_, method);
  if (!number.ok()) {
    Outcome refused;
    refused.code = number.error().code;
    refused.message = number.error().message;
    raise(refused);
  }
  CallOptions call;
  call.timeout = options.timeout;
  call.notify = notify;
  call.idempotent = options.idempotent;
  call.wait_for_ready = options.wait_for_ready;
  CallResult result = driver.call(id_, number.value(), call, options.metadata, arguments, nullptr);
  if (result.outcome.code != Code::kOk) raise(result.outcome);
  refuse_references(driver.driver(), result.connection, result.outcome.payload, "the result has",
                    "have the service return the data");
  return result;
}

Bytes Remote::Impl::call(std::string_view method, BytesView arguments, const RequestOptions& options) {
  CallResult result = send(method, arguments, options, false);
  if (!result.storage.attachments.empty()) return joined(result.outcome.payload, result.storage.attachments);
  const ConstBytes payload = result.outcome.payload;
  return {payload.begin(), payload.end()};
}

bool Remote::Impl::notify(std::string_view method, BytesView arguments, const RequestOptions& options) {
  return !send(method, arguments, options, true).dropped;
}

std::vector<std::string> Remote::Impl::methods() const {
  std::vector<std::string> methods = engine_->driver().driver().methods(id_);
  std::erase_if(methods, [](const std::string& name) { return name.starts_with(kHidden); });
  return methods;
}

RemoteStatus Remote::Impl::status() const {
  const ClientStatus seen = engine_->driver().driver().client_status(id_);
  RemoteStatus status;
  status.state = state_name(seen.state);
  status.transport = seen.transport;
  status.fallback_reason = seen.fallback_reason;
  status.peer_pid = seen.local_peer() == nullptr ? 0 : seen.local_peer()->pid;
  status.pending_calls = seen.pending_calls;
  status.queued_calls = seen.queued_calls;
  return status;
}

void Remote::Impl::close() { engine_->driver().driver().close_client(id_); }

Remote::Remote(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Remote::~Remote() = default;
Remote::Remote(Remote&&) noexcept = default;
Remote& Remote::operator=(Remote&&) noexcept = default;

Bytes Remote::call(std::string_view method, BytesView arguments, const RequestOptions& options) {
  return impl_->call(method, arguments, options);
}

bool Remote::notify(std::string_view method, BytesView arguments, const RequestOptions& options) {
  return impl_->notify(method, arguments, options);
}

std::vector<std::string> Remote::methods() const { return impl_->methods(); }

RemoteStatus Remote::status() const { return impl_->status(); }

void Remote::close() { impl_->close(); }

}  // namespace ipcbridge
