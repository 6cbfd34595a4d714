#include "bindings/node/loop_doorbell.hpp"

#include <utility>

#include "core/base/poll.hpp"

namespace ipcbridge::node {

// The loop uses these until it has closed them, which may be after the doorbell is gone.
struct LoopDoorbell::Handles {
  UvApi uv;
  UvLoop* loop = nullptr;
  LoopDoorbell* owner = nullptr;
  UvMemory poll;
  UvMemory prepare;
  UvMemory check;
  UvMemory idle;
  int open = 0;
  bool closing = false;
  napi_async_cleanup_hook_handle cleanup = nullptr;

  static LoopDoorbell* owner_of(const UvHandle* handle) { return static_cast<Handles*>(handle->data)->owner; }

  bool start(int fd) {
    poll.allocate(uv, UvApi::Type::kPoll);
    prepare.allocate(uv, UvApi::Type::kPrepare);
    check.allocate(uv, UvApi::Type::kCheck);
    idle.allocate(uv, UvApi::Type::kIdle);
    if (uv.poll_init(loop, poll.handle(), fd) != 0) return false;
    uv.prepare_init(loop, prepare.handle());
    uv.check_init(loop, check.handle());
    uv.idle_init(loop, idle.handle());
    uv.poll_start(poll.handle(), UvApi::kReadable, [](UvHandle* handle, int, int) {
      if (LoopDoorbell* doorbell = owner_of(handle)) doorbell->rung_ = true;
    });
    uv.prepare_start(prepare.handle(), [](UvHandle* handle) {
      if (LoopDoorbell* doorbell = owner_of(handle)) doorbell->before_wait();
    });
    uv.check_start(check.handle(), [](UvHandle* handle) {
      if (LoopDoorbell* doorbell = owner_of(handle)) doorbell->after_wait();
    });
    for_each([this](UvHandle* handle) {
      handle->data = this;
      uv.unref(handle);  // being there keeps nobody alive
      ++open;
    });
    return true;
  }

  // The last one to be closed frees them all.
  void close() {
    if (std::exchange(closing, true)) return;
    if (owner != nullptr) owner->handles_ = nullptr;
    owner = nullptr;
    for_each([this](UvHandle* handle) {
      uv.close(handle, [](UvHandle* closed) {
        const auto* handles = static_cast<Handles*>(closed->data);
        if (--static_cast<Handles*>(closed->data)->open > 0) return;
        napi_remove_async_cleanup_hook(handles->cleanup);
        delete handles;
      });
    });
  }

  template <typename Visit>
  void for_each(Visit&& visit) {
    for (const UvMemory* memory : {&poll, &prepare, &check, &idle}) visit(memory->handle());
  }

  // While an idle handle is active the loop looks for events without waiting for them. This costs no system
  // call, where ringing the Driver's descriptor would cost three.
  void do_not_wait() {
    uv.idle_start(idle.handle(), [](UvHandle*) {});
  }
  void may_wait() { uv.idle_stop(idle.handle()); }
};

std::unique_ptr<LoopDoorbell> LoopDoorbell::create(napi_env env, Driver& driver, Drainer& drainer) {
  auto handles = std::make_unique<Handles>();
  if (!handles->uv.load() || napi_get_uv_event_loop(env, &handles->loop) != napi_ok) return nullptr;
  if (!handles->start(driver.fd())) return nullptr;
  const auto on_cleanup = [](napi_async_cleanup_hook_handle, void* opened) { static_cast<Handles*>(opened)->close(); };
  Handles* const opened = handles.release();
  napi_add_async_cleanup_hook(env, on_cleanup, opened, &opened->cleanup);
  return std::unique_ptr<LoopDoorbell>(new LoopDoorbell(driver, drainer, *opened));
}

LoopDoorbell::LoopDoorbell(Driver& driver, Drainer& drainer, Handles& handles)
    : driver_(driver), drainer_(drainer), handles_(&handles) {
  handles_->owner = this;
}

LoopDoorbell::~LoopDoorbell() {
  if (handles_ != nullptr) handles_->close();
}

void LoopDoorbell::keep_alive() {
  if (alive_ || handles_ == nullptr) return;
  alive_ = true;
  handles_->uv.ref(handles_->poll.handle());
}

void LoopDoorbell::let_go_when_idle() {
  if (!alive_ || drainer_.wants_alive()) return;
  alive_ = false;
  handles_->uv.unref(handles_->poll.handle());
}

// In uv_prepare: libuv computes how long to wait after this, so timers and immediates that handlers make are
// seen. Whether the loop will wait cannot be told from uv_backend_timeout (it is 0 while watchers are
// queued), so every return from here has either armed the Driver or started the idle handle.
void LoopDoorbell::before_wait() {
  handles_->may_wait();
  const TimePoint deadline = Clock::now() + kLoopBudget;
  bool stopped = false;
  do {
    stopped = drainer_.drain(false, deadline);
    if (handles_ == nullptr) return;
    // Whoever calls as soon as an answer has come always has the next message ready.
  } while (!stopped && spin(deadline, stopped) && !(stopped = Clock::now() >= deadline));
  let_go_when_idle();
  if (stopped || !driver_.prepare_sleep()) handles_->do_not_wait();
}

void LoopDoorbell::after_wait() {
  if (!rung_) return;
  rung_ = false;
  drainer_.drain(true, Clock::now() + kLoopBudget);
}

// True when there is something to drain; `stopped` when the loop has other things to do first.
bool LoopDoorbell::spin(TimePoint deadline, bool& stopped) {
  if (!drainer_.may_spin()) return false;
  if (handles_->uv.backend_timeout(handles_->loop) == 0) {
    stopped = drainer_.wants_alive();
    return false;
  }
  struct Watch {
    const LoopDoorbell* doorbell = nullptr;
    TimePoint deadline;
    bool stopped = false;
  } watch{this, deadline, false};
  const bool caught = driver_.spin([&watch] {
    watch.stopped = Clock::now() >= watch.deadline || watch.doorbell->others_wait();
    return watch.stopped;
  });
  stopped = watch.stopped && !caught;
  return caught;
}

bool LoopDoorbell::others_wait() const { return is_readable_now(handles_->uv.backend_fd(handles_->loop)); }

}  // namespace ipcbridge::node
