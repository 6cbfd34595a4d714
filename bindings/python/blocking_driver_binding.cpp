#include "bindings/python/blocking_driver_binding.hpp"

#include <chrono>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "bindings/python/bytes.hpp"
#include "bindings/python/classes.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/gil.hpp"
#include "bindings/python/inheritance.hpp"
#include "bindings/python/interrupt.hpp"
#include "bindings/python/references.hpp"
#include "bindings/python/stream_object.hpp"
#include "bindings/python/stream_producer.hpp"
#include "core/base/fork.hpp"
#include "core/workers/worker.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// What a signal has raised during a handler is raised after its answer. True with an exception set.
bool set_raised_by_signal(PyObject* ending) {
  if (ending == Py_None) return false;
  PyObject* raised = PyObject_GetAttrString(ending, "raised");
  if (raised == nullptr) return true;
  const bool is_set = raised != Py_None;
  if (is_set) PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(raised)), raised);
  Py_DECREF(raised);
  return is_set;
}

}  // namespace

BlockingDriverBinding::BlockingDriverBinding(bool spin)
    : generation_(fork_guard::generation()), states_(std::make_shared<StateTracker>()) {
  DriverOptions options;
  options.language = Language::kPython;
  options.spin = spin;
  driver_ = unwrap(
      BlockingDriver::create(options, [states = states_](const ObservedEvent& event) { states->observe(event); }));
}

BlockingDriverBinding::~BlockingDriverBinding() {
  // In a forked child the driver's threads do not exist: nobody could join them.
  if (generation_ != fork_guard::generation()) static_cast<void>(driver_.release());
}

void BlockingDriverBinding::check_process() const { python::check_process(generation_); }

StateTracker& BlockingDriverBinding::states() {
  check_process();  // the fork may have found its lock taken
  return *states_;
}

BlockingDriver& BlockingDriverBinding::alive() {
  check_process();
  if (!driver_) raise(Code::kFailedPrecondition, "the interpreter is shutting down");
  return *driver_;
}

void BlockingDriverBinding::shut_down() {
  if (generation_ != fork_guard::generation()) return;
  states_->stop();
  if (!driver_) return;
  if (inside_.load(std::memory_order_acquire) != 0) {
    // A daemon thread is in a call. The process ends before it can notice.
    static_cast<void>(driver_.release());
    return;
  }
  // Taken away with the GIL held: who comes while its threads end finds no driver.
  std::unique_ptr<BlockingDriver> ending = std::move(driver_);
  without_gil([&] {
    ending.reset();
    return true;
  });
}

ClientId BlockingDriverBinding::connect(const ConnectOptions& options) {
  BlockingDriver& driver = alive();
  return unwrap(without_gil(*this, [&] { return driver.driver().connect(options); }));
}

ServerId BlockingDriverBinding::serve(const ServeOptions& options) {
  BlockingDriver& driver = alive();
  return unwrap(without_gil(*this, [&] { return driver.driver().serve(options); }));
}

template <typename Wait>
auto BlockingDriverBinding::wait(Wait wait) {
  BlockingDriver& driver = alive();
  const Visit visit(*this);
  auto seen = without_gil([&] { return wait(driver, interrupted_by_signals()); });
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  return seen;
}

void BlockingDriverBinding::wait_client(ClientId client) {
  const std::optional<StateTracker::State> seen = wait([&](BlockingDriver& driver, const Interrupted& interrupted) {
    return states_->wait_begun(driver, StateTracker::client(client), interrupted);
  });
  if (seen && !seen->begun) raise(seen->why.code, seen->why.message);
}

void BlockingDriverBinding::wait_server(ServerId server) {
  const std::optional<StateTracker::State> seen = wait([&](BlockingDriver& driver, const Interrupted& interrupted) {
    return states_->wait_begun(driver, StateTracker::server(server), interrupted);
  });
  if (seen && !seen->begun && seen->why.code != Code::kOk) raise(seen->why.code, seen->why.message);
}

void BlockingDriverBinding::wait_server_closed(ServerId server) {
  wait([&](BlockingDriver& driver, const Interrupted& interrupted) {
    states_->wait_closed(driver, server, interrupted);
    return true;
  });
}

void BlockingDriverBinding::run_worker(const py::object& self, ServerId server, std::uint32_t epoch, ThreadPoolId pool,
                                       const Handlers& handlers, const py::object& before, const py::object& ending) {
  check_handlers(handlers);
  auto& binding = self.cast<BlockingDriverBinding&>();
  BlockingDriver& driver = binding.alive();
  const Visit visit(binding);
  const Interrupted interrupted = interrupted_by_signals();
  const HandlerContext begin{nullptr, before.ptr()};
  {
    const PoolThread thread(pool);
    Worker worker(driver, server, epoch);
    InboundCall call;
    bool goes_on = true;
    while (goes_on && without_gil([&] { return worker.wait(interrupted); })) {
      while (goes_on && worker.take(call)) {
        goes_on = handle(binding, self.ptr(), call, handlers.ptr(), begin) && !set_raised_by_signal(ending.ptr());
      }
    }
  }
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
}

py::object BlockingDriverBinding::next_event() {
  using Kind = StateTracker::TrackedEvent::Kind;
  static_cast<void>(alive());
  const std::shared_ptr<StateTracker> states = states_;
  const auto event = without_gil([&] { return states->next_event(); });
  if (!event) return py::none();
  py::str state = "";
  const char* kind = event->kind == Kind::kCancel     ? "cancel"
                     : event->kind == Kind::kReleased ? "released"
                                                      : "saturated";
  if (event->kind == Kind::kState && event->owner.kind == StateTracker::Kind::kClient) {
    kind = "client";
    state = to_str(state_name(static_cast<ClientState>(event->state.state)));
  } else if (event->kind == Kind::kState) {
    kind = "server";
    state = to_str(state_name(static_cast<ServerState>(event->state.state)));
  }
  return py::make_tuple(kind, event->owner.id, state, to_str(code_name(event->state.why.code)),
                        to_str(event->state.why.message), event->call.connection, event->call.id, event->number);
}

bool BlockingDriverBinding::is_usable() const { return driver_ != nullptr && generation_ == fork_guard::generation(); }

void BlockingDriverBinding::reply(const RequestKey& key, const Payload& payload) {
  if (!is_usable()) return;
  driver_->reply(key, payload);
  states_->answered(key);
}

void BlockingDriverBinding::reply_error(const RequestKey& key, Code code, std::string_view message,
                                        ConstBytes details) {
  if (!is_usable()) return;
  driver_->reply_error(key, code, message, details);
  states_->answered(key);
}

std::optional<OpenedStreams> BlockingDriverBinding::reply(const InboundCall& call, const Payload& payload,
                                                          std::uint32_t streams,
                                                          std::span<const std::uint64_t> references) {
  if (!is_usable()) return std::nullopt;
  if (call.reference != 0 && streams != 0) outlive_wait(*this);  // they go on when nobody waits for the call any more
  const std::optional<OpenedStreams> opened =
      driver_->reply(call.key, payload, streams, {call.server, call.method}, references);
  states_->answered(call.key);
  return opened;
}

Driver::Allocator BlockingDriverBinding::allocator_for(std::uint64_t connection) {
  return is_usable() ? driver_->driver().allocator_for(connection) : Driver::Allocator();
}

Result<StreamRoom> BlockingDriverBinding::stream_room(const StreamKey& stream) {
  if (!is_usable()) return Error{Code::kCancelled, "the service has ended"};
  return driver_->driver().stream_room(stream);
}

Result<StreamRoom> BlockingDriverBinding::send_items(const StreamKey& stream, const Payload& body) {
  if (!is_usable()) return Error{Code::kCancelled, "the service has ended"};
  return driver_->driver().send_items(stream, body);
}

void BlockingDriverBinding::end_stream(const StreamKey& stream, const Error* error, ConstBytes details) {
  if (is_usable()) driver_->end_stream(stream, error, details);
}

void BlockingDriverBinding::resume_later(const StreamKey& stream) {
  if (is_usable()) driver_->resume_stream(stream);
}

std::unique_ptr<StreamMaker> BlockingDriverBinding::arguments_of(const InboundCall& call) {
  if (!is_usable()) return nullptr;
  return std::make_unique<BlockingStreams>(*this, driver_->take_arguments(call.key));
}

void BlockingDriverBinding::forget_streams(const LocalWork& streams) {
  if (is_usable()) driver_->forget_streams(streams);
}

void BlockingDriverBinding::leave_stream(StreamQueue& stream) {
  if (is_usable()) driver_->leave_stream(stream);
}

bool BlockingDriverBinding::cancelled(const RequestKey& key) { return !is_usable() || states_->cancelled(key); }

}  // namespace ipcbridge::python
