#include "bindings/node/thread_doorbell.hpp"

#include <utility>

#include "core/base/poll.hpp"
#include "core/base/thread.hpp"

namespace ipcbridge::node {

std::unique_ptr<ThreadDoorbell> ThreadDoorbell::create(napi_env env, Driver& driver, Drainer& drainer) {
  std::unique_ptr<ThreadDoorbell> doorbell(new ThreadDoorbell(env, driver, drainer));
  if (!doorbell->start()) return nullptr;
  return doorbell;
}

ThreadDoorbell::ThreadDoorbell(napi_env env, Driver& driver, Drainer& drainer)
    : env_(env), driver_(driver), drainer_(drainer) {}

ThreadDoorbell::~ThreadDoorbell() {
  if (thread_.joinable()) napi_remove_env_cleanup_hook(env_, on_cleanup, this);
  stop();
}

void ThreadDoorbell::on_cleanup(void* doorbell) { static_cast<ThreadDoorbell*>(doorbell)->stop(); }

bool ThreadDoorbell::start() {
  Result<Bell> armed = Bell::create(System::real());
  if (!armed.ok()) return false;
  armed_.emplace(std::move(armed).value());
  napi_value name = nullptr;
  napi_create_string_utf8(env_, "ipcbridge", NAPI_AUTO_LENGTH, &name);
  const auto on_call = [](napi_env env, napi_value, void* doorbell, void*) {
    if (env != nullptr) static_cast<ThreadDoorbell*>(doorbell)->drain();
  };
  constexpr std::size_t kNoQueueLimit = 0;
  if (napi_create_threadsafe_function(env_, nullptr, nullptr, name, kNoQueueLimit, 1, nullptr, nullptr, this, on_call,
                                      &call_) != napi_ok) {
    return false;
  }
  napi_unref_threadsafe_function(env_, call_);
  if (!start_thread()) {
    napi_release_threadsafe_function(call_, napi_tsfn_abort);
    return false;
  }
  napi_add_env_cleanup_hook(env_, on_cleanup, this);
  schedule();
  return true;
}

bool ThreadDoorbell::start_thread() {
  Result<std::thread> thread = ipcbridge::start_thread(System::real(), [this] { watch(); });
  if (!thread.ok()) return false;
  thread_ = std::move(thread).value();
  return true;
}

void ThreadDoorbell::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  driver_.ring();
  armed_->ring();
  thread_.join();
  napi_release_threadsafe_function(call_, napi_tsfn_abort);
}

void ThreadDoorbell::watch() {
  for (;;) {
    armed_->wait(kNever);
    if (stopping_) return;
    while (!wait_readable(System::real(), driver_.fd(), kNever)) {
    }
    if (stopping_) return;
    waiting_ = false;
    napi_call_threadsafe_function(call_, nullptr, napi_tsfn_nonblocking);
  }
}

void ThreadDoorbell::schedule() {
  if (scheduled_ || !thread_.joinable()) return;
  scheduled_ = true;
  napi_call_threadsafe_function(call_, nullptr, napi_tsfn_nonblocking);
}

// One batch a call: microtasks run when the call returns.
void ThreadDoorbell::drain() {
  scheduled_ = false;
  const bool more = drainer_.drain(true, TimePoint::min());
  if (!thread_.joinable()) return;
  if (alive_ && !drainer_.wants_alive()) {
    alive_ = false;
    napi_unref_threadsafe_function(env_, call_);
  }
  if (more || !driver_.prepare_sleep()) {
    schedule();
  } else if (!waiting_.exchange(true)) {
    armed_->ring();
  }
}

void ThreadDoorbell::keep_alive() {
  if (alive_ || !thread_.joinable()) return;
  alive_ = true;
  napi_ref_threadsafe_function(env_, call_);
}

}  // namespace ipcbridge::node
