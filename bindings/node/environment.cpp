#include "bindings/node/environment.hpp"

#include <utility>

#include "bindings/node/loop_doorbell.hpp"
#include "bindings/node/thread_doorbell.hpp"

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

Environment::Environment(napi_env env) : env_(env), sink_(requests_) {}

Status Environment::start(Napi::Function on_batch, Napi::Object shared, bool own_thread) {
  Result<std::unique_ptr<Driver>> driver = Driver::create(DriverOptions{});
  if (!driver.ok()) return driver.error();
  driver_ = std::move(driver).value();
  sink_.use(memory_of<std::uint32_t>(env_, shared.Get("table")), memory_of<std::byte>(env_, shared.Get("slab")));
  control_ = memory_of<const std::int32_t>(env_, shared.Get("control"));
  if (control_.size() < kControlCount || !sink_.has_room()) {
    return Error{Code::kInternal, "the memory to share is too small"};
  }
  shared_ = Napi::Persistent(shared);
  on_batch_ = Napi::Persistent(on_batch);
  if (!own_thread) doorbell_ = LoopDoorbell::create(env_, *driver_, *this);
  if (!doorbell_) doorbell_ = ThreadDoorbell::create(env_, *driver_, *this);
  if (!doorbell_) return Error{Code::kResourceExhausted, "cannot start the thread that waits for messages"};
  return {};
}

void Environment::use_outgoing(napi_value bytes) {
  outgoing_keep_ = Napi::Persistent(Napi::Value(env_, bytes));
  outgoing_ = memory_of<std::byte>(env_, bytes);
}

std::optional<ConstBytes> Environment::outgoing(std::uint32_t start, std::uint32_t size) const {
  if (start > outgoing_.size() || size > outgoing_.size() - start) return std::nullopt;
  return outgoing_.subspan(start, size);
}

bool Environment::drain(bool poll, TimePoint deadline) {
  if (delivering_) return false;
  for (;;) {
    sink_.reset();
    const bool more = driver_->turn(sink_, poll);
    const TimePoint begun = sink_.adapts() ? Clock::now() : TimePoint();
    if (!sink_.empty() && !deliver()) return false;
    if (begun != TimePoint()) sink_.adapt(Clock::now() - begun, kTurnBudget);
    if (!more) return false;
    if (Clock::now() >= deadline) return true;
  }
}

bool Environment::deliver() {
  const Napi::HandleScope scope(env_);
  const napi_value args[] = {Napi::Number::New(env_, sink_.size()), long_messages()};
  napi_status status = napi_pending_exception;
  if (args[1] != nullptr) {
    delivering_ = true;
    // In a scope, so that promise jobs and process.nextTick run when it returns; and in nobody's asynchronous context.
    // One made here, by napi_async_init, would have the AsyncLocalStorage stores of whoever used ipcbridge first. The
    // receiver is new each time, because it is where a handler that calls enterWith() leaves its store.
    status = napi_make_callback(env_, nullptr, Napi::Object::New(env_), on_batch_.Value(), 2, args, nullptr);
    delivering_ = false;
  }
  if (status != napi_pending_exception) return status == napi_ok;
  napi_value thrown = nullptr;
  if (napi_get_and_clear_last_exception(env_, &thrown) != napi_ok) return false;
  return napi_fatal_exception(env_, thrown) == napi_ok;
}

napi_value Environment::long_messages() {
  std::vector<Buffer>& messages = sink_.long_messages();
  if (messages.empty()) return Napi::Env(env_).Undefined();
  const Napi::Array array = Napi::Array::New(env_, messages.size());
  for (std::uint32_t i = 0; i < messages.size(); ++i) {
    const auto* data = reinterpret_cast<const char*>(messages[i].data());
    const auto copy = Napi::Buffer<char>::Copy(env_, data, messages[i].size());
    if (copy.IsEmpty()) return nullptr;
    array.Set(i, copy);
    Buffer().swap(messages[i]);
  }
  return array;
}

}  // namespace ipcbridge::node
