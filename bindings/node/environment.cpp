#include "bindings/node/environment.hpp"

#include <algorithm>
#include <utility>

#include "bindings/node/loop_doorbell.hpp"
#include "bindings/node/thread_doorbell.hpp"
#include "core/base/poll.hpp"

namespace ipcbridge::node {
namespace {

// The memory behind a typed array; it stays where it is as long as the array lives.
template <typename T>
std::span<T> memory_of(napi_env env, napi_value array) {
  napi_typedarray_type type = napi_uint8_array;
  std::size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) != napi_ok) return {};
  return {static_cast<T*>(data), length};
}

}  // namespace

Environment::Environment(napi_env env) : env_(env), batch_(&inbound_calls_) {}

Status Environment::start(Napi::Function on_batch, Napi::Object shared, bool own_thread) {
  if (driver_) return Error{Code::kInternal, "it has been started already"};
  DriverOptions options;
  options.language = Language::kJavaScript;
  options.copy_on_write = true;  // JavaScript has no memory that is read only
  Result<std::unique_ptr<Driver>> driver = Driver::create(options);
  if (!driver.ok()) return driver.error();
  driver_ = std::move(driver).value();
  batch_.use(memory_of<std::uint32_t>(env_, shared.Get("table")), memory_of<std::byte>(env_, shared.Get("slab")));
  control_ = memory_of<std::int32_t>(env_, shared.Get("control"));
  if (control_.size() < kControlCount || !batch_.has_room()) {
    return Error{Code::kInternal, "the memory to share is too small"};
  }
  shared_ = Napi::Persistent(shared);
  on_batch_ = Napi::Weak(on_batch);
  if (!own_thread) doorbell_ = LoopDoorbell::create(env_, *driver_, *this);
  if (!doorbell_) doorbell_ = ThreadDoorbell::create(env_, *driver_, *this);
  if (!doorbell_) return Error{Code::kResourceExhausted, "cannot start the thread that waits for messages"};
  return {};
}

Result<Attachments> Environment::take_attachments_for(std::uint64_t connection) {
  if (!has_attachments()) return Attachments();
  return attachments_.take(driver_->allocator_for(connection));
}

Result<Attachments> Environment::take_attachments_for_client(ClientId client) {
  if (!has_attachments()) return Attachments();
  return attachments_.take(driver_->allocator(client));
}

void Environment::Registered::use(napi_env env, napi_value bytes) {
  keep_ = Napi::Persistent(Napi::Value(env, bytes));
  bytes_ = memory_of<std::byte>(env, bytes);
}

std::optional<ConstBytes> Environment::Registered::part(std::uint32_t start, std::uint32_t size) const {
  if (start > bytes_.size() || size > bytes_.size() - start) return std::nullopt;
  return bytes_.subspan(start, size);
}

void Environment::opened() {
  if (open_++ == 0) on_batch_.Ref();
}

void Environment::opened_client(ClientId client) {
  if (client <= newest_client_) return;
  newest_client_ = client;
  opened();
}

void Environment::closed(std::size_t count) {
  if (count == 0) return;
  open_ -= std::min(count, open_);
  if (open_ == 0) on_batch_.Unref();
}

bool Environment::drain(bool poll, TimePoint deadline) {
  if (delivering_) return false;
  for (;;) {
    batch_.reset();
    const bool more = driver_->run(batch_, poll);
    const TimePoint begun = batch_.adapts() ? Clock::now() : TimePoint();
    if ((std::exchange(kept_back_, false) || !batch_.empty()) && !deliver()) return false;
    if (begun != TimePoint()) batch_.adapt(Clock::now() - begun, kLoopBudget);
    if (!more) return false;
    if (Clock::now() >= deadline) return true;
  }
}

std::uint32_t Environment::wait(Duration most) {
  const TimePoint deadline = deadline_after(Clock::now(), most);
  const auto is_late = [deadline] { return Clock::now() >= deadline; };
  batch_.reset();
  bool is_over = false;
  do {
    const bool is_ready = may_spin() && driver_->spin(is_late);
    is_over = !is_ready && is_late();
    const bool sleeps = !is_ready && !is_over && driver_->prepare_sleep();
    if (sleeps) {
      wait_readable(System::real(), driver_->fd(), deadline);
    }
    driver_->run(batch_, sleeps || is_over);
  } while (batch_.empty() && !is_over);
  closed(batch_.handles_closed());
  return batch_.size();
}

// JavaScript's thread does nothing else meanwhile: `stop` is asked after some four microseconds.
std::uint32_t Environment::read_on() {
  if (may_spin()) driver_->spin([] { return true; });
  batch_.reset();
  driver_->run(batch_, false);
  closed(batch_.handles_closed());
  return batch_.size();
}

void Environment::deliver_later() {
  kept_back_ = true;
  doorbell_->touched();
}

bool Environment::deliver() {
  const Napi::HandleScope scope(env_);
  napi_value count = Napi::Number::New(env_, batch_.size());
  const std::size_t handles_closed = batch_.handles_closed();  // wait() begins other batches
  delivering_ = true;
  napi_value returned = nullptr;  // Deno writes it also where it is not asked for
  // In a scope, so that promise jobs and process.nextTick run when it returns; and in nobody's asynchronous context.
  // One made here, by napi_async_init, would have the AsyncLocalStorage stores of whoever used ipcbridge first. The
  // receiver is new each time, because it is where a handler that calls enterWith() leaves its store.
  const napi_status status =
      napi_make_callback(env_, nullptr, Napi::Object::New(env_), on_batch_.Value(), 1, &count, &returned);
  delivering_ = false;
  closed(handles_closed);
  if (status != napi_pending_exception) return status == napi_ok;
  napi_value thrown = nullptr;
  if (napi_get_and_clear_last_exception(env_, &thrown) != napi_ok) return false;
  return napi_fatal_exception(env_, thrown) == napi_ok;
}

}  // namespace ipcbridge::node
