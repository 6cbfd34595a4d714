#define PY_SSIZE_T_CLEAN
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
#include "bindings/python/options.hpp"
#include "bindings/python/peer_methods.hpp"
#include "bindings/python/proxy_base.hpp"
#include "bindings/python/stream_object.hpp"
#include "bindings/python/stream_producer.hpp"
#include "bindings/python/submitted_call.hpp"
#include "bindings/python/text.hpp"
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

std::int64_t microseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

// For what uses the driver, which another thread may want to shut down meanwhile.
template <typename F>
auto without_gil(BlockingDriverBinding& binding, F f) {
  const BlockingDriverBinding::Visit visit(binding);
  return without_gil(std::move(f));
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

void BlockingDriverBinding::reply(const RequestKey& key, ConstBytes payload) {
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

std::optional<OpenedStreams> BlockingDriverBinding::reply(const InboundCall& call, ConstBytes payload,
                                                          std::uint32_t streams,
                                                          std::span<const std::uint64_t> references) {
  if (!is_usable()) return std::nullopt;
  const std::optional<OpenedStreams> opened =
      driver_->reply(call.key, payload, streams, {call.server, call.method}, references);
  states_->answered(call.key);
  return opened;
}

Result<StreamRoom> BlockingDriverBinding::stream_room(const StreamKey& stream) {
  if (!is_usable()) return Error{Code::kCancelled, "the service has ended"};
  return driver_->driver().stream_room(stream);
}

Result<StreamRoom> BlockingDriverBinding::send_items(const StreamKey& stream, ConstBytes body) {
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

void bind_blocking_driver(py::module_& module) {
  const auto driver = [](BlockingDriverBinding& binding) -> Driver& { return binding.alive().driver(); };
  py::class_<BlockingDriverBinding> type(module, "BlockingDriver", py::module_local(), plain_metaclass(),
                                         "The driver of a process's blocking API.");
  hide_module_local(type);
  type.def(py::init<bool>(), py::arg("spin") = true)
      .def("shut_down", &BlockingDriverBinding::shut_down)
      .def("check_process", &BlockingDriverBinding::check_process)
      .def(
          "connect",
          [](BlockingDriverBinding& binding, const std::vector<Path>& addresses, std::int64_t connect_timeout_us,
             std::uint64_t max_queued_bytes, const py::dict& limits, Allow allow, std::string name, bool lazy,
             ServerId serves) {
            return binding.connect(connect_options(addresses, connect_timeout_us, max_queued_bytes, limits,
                                                   std::move(allow), serves, std::move(name), lazy));
          },
          py::arg("addresses"), py::arg("connect_timeout_us"), py::arg("max_queued_bytes"), py::arg("limits"),
          py::arg("allow"), py::arg("name") = std::string(), py::arg("lazy") = false, py::arg("serves") = ServerId{0})
      .def(
          "serve",
          [](BlockingDriverBinding& binding, Path address, std::vector<std::string> methods,
             std::vector<std::uint32_t> serial_groups, const std::string& takeover, std::int64_t takeover_timeout_us,
             const py::dict& limits, Allow allow, unsigned mode, bool shared) {
            return binding.serve(serve_options(std::move(address), std::move(methods), std::move(serial_groups),
                                               takeover, takeover_timeout_us, limits, std::move(allow), mode, shared));
          },
          py::arg("address"), py::arg("methods"), py::arg("serial_groups"), py::arg("takeover"),
          py::arg("takeover_timeout_us"), py::arg("limits"), py::arg("allow"), py::arg("mode"), py::arg("shared"))
      .def("wait_client", &BlockingDriverBinding::wait_client, py::arg("client"))
      .def("wait_server", &BlockingDriverBinding::wait_server, py::arg("server"))
      .def("wait_server_closed", &BlockingDriverBinding::wait_server_closed, py::arg("server"))
      .def(
          "set_loop_methods",
          [](BlockingDriverBinding& binding, ServerId server, std::vector<bool> methods) {
            binding.alive().set_loop_methods(server, std::move(methods));
          },
          py::arg("server"), py::arg("methods"))
      .def(
          "use_threads",
          [driver](BlockingDriverBinding& binding, ServerId server, std::uint32_t count, std::vector<bool> methods) {
            return driver(binding).use_threads(server, count, std::move(methods));
          },
          py::arg("server"), py::arg("count"), py::arg("methods"))
      .def("run_worker", &BlockingDriverBinding::run_worker, py::arg("server"), py::arg("epoch"), py::arg("pool"),
           py::arg("handlers"), py::arg("before"), py::arg("ending"))
      .def("listen", [](BlockingDriverBinding& binding) { binding.states().listen(); })
      .def("last_event", [](BlockingDriverBinding& binding) { return binding.states().last_event(); })
      .def("next_event", &BlockingDriverBinding::next_event)
      .def("collect_answers", &collect_answers)
      .def("stop_collecting", [](BlockingDriverBinding& binding) { binding.alive().stop_collecting(); })
      .def(
          "close_client",
          [driver](BlockingDriverBinding& binding, ClientId client) {
            Driver& target = driver(binding);
            without_gil(binding, [&] {
              target.close_client(client);
              return true;
            });
          },
          py::arg("client"))
      .def(
          "forget_client",
          [](BlockingDriverBinding& binding, ClientId client) {
            binding.states().forget(StateTracker::client(client));
          },
          py::arg("client"))
      .def(
          "close_server",
          [driver](BlockingDriverBinding& binding, ServerId server, std::int64_t grace_us) {
            Driver& target = driver(binding);
            without_gil(binding, [&] {
              target.close_server(server, to_duration(grace_us));
              return true;
            });
          },
          py::arg("server"), py::arg("grace_us"))
      .def(
          "stop_workers",
          [](BlockingDriverBinding& binding, ServerId server) {
            BlockingDriver& target = binding.alive();
            without_gil(binding, [&] {
              target.stop_workers(server);
              return true;
            });
          },
          py::arg("server"))
      .def(
          "close_streams", [](BlockingDriverBinding& binding, ServerId server) { close_streams_of(binding, server); },
          py::arg("server"))
      .def(
          "dismiss_workers",
          [](BlockingDriverBinding& binding, ServerId server) {
            BlockingDriver& target = binding.alive();
            return without_gil(binding, [&] { return target.dismiss_workers(server); });
          },
          py::arg("server"))
      .def(
          "forget_server",
          [](BlockingDriverBinding& binding, ServerId server) {
            binding.states().forget(StateTracker::server(server));
          },
          py::arg("server"))
      .def(
          "methods",
          [driver](BlockingDriverBinding& binding, ClientId client) {
            Driver& target = driver(binding);
            return to_list(without_gil(binding, [&] { return target.methods(client); }));
          },
          py::arg("client"))
      .def(
          "generation",
          [driver](BlockingDriverBinding& binding, ClientId client) {
            Driver& target = driver(binding);
            return GenerationBinding{without_gil(binding, [&] { return target.generation(client); })};
          },
          py::arg("client"))
      .def(
          "intern_method",
          [driver](BlockingDriverBinding& binding, ClientId client, const Text& name) {
            Driver& target = driver(binding);
            return without_gil(binding, [&] { return target.intern_method(client, name); });
          },
          py::arg("client"), py::arg("name"))
      .def(
          "find_method",
          [driver](BlockingDriverBinding& binding, ClientId client, const Text& name) {
            Driver& target = driver(binding);
            return unwrap(without_gil(binding, [&] { return target.find_method(client, name); }));
          },
          py::arg("client"), py::arg("name"))
      .def(
          "client_status",
          [driver](BlockingDriverBinding& binding, ClientId client, const std::vector<Path>& addresses) {
            Driver& target = driver(binding);
            return to_dict(without_gil(binding, [&] {
              return target.client_status(client, {addresses.begin(), addresses.end()});
            }));
          },
          py::arg("client"), py::arg("addresses"))
      .def(
          "server_status",
          [](BlockingDriverBinding& binding, ServerId server) {
            BlockingDriver& target = binding.alive();
            const auto [status, load] = without_gil(
                binding, [&] { return std::pair(target.driver().server_status(server), target.load(server)); });
            py::dict dict = to_dict(status);
            dict["workers"] = load.workers;
            dict["busy_workers"] = load.running;
            dict["queued_calls"] = load.queued;
            dict["slowest_method"] = load.slowest_method;
            dict["slowest_us"] = microseconds(load.slowest);
            return dict;
          },
          py::arg("server"));
  const auto use = [driver](BlockingDriverBinding& binding, auto act) {
    Driver& target = driver(binding);
    return without_gil(binding, [&] { return act(target); });
  };
  // Nobody will ask for the state of one that this process has not connected itself.
  bind_peer_methods(type, use, [](BlockingDriverBinding& binding, ClientId client) {
    const StateTracker::Owner owner = StateTracker::client(client);
    if (!binding.states().last(owner)) binding.states().forget(owner);
  });
}

}  // namespace ipcbridge::python
