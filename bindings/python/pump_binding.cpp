#define PY_SSIZE_T_CLEAN
#include "bindings/python/pump_binding.hpp"

#include <chrono>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "bindings/python/bytes.hpp"
#include "bindings/python/classes.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/gil.hpp"
#include "bindings/python/interrupt.hpp"
#include "bindings/python/options.hpp"
#include "bindings/python/proxy_base.hpp"
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

// For what uses the pump, which another thread may want to shut down meanwhile.
template <typename F>
auto without_gil(PumpBinding& binding, F f) {
  const PumpBinding::Visit visit(binding);
  return without_gil(std::move(f));
}

}  // namespace

PumpBinding::PumpBinding(bool spin) : generation_(fork_guard::generation()), states_(std::make_shared<StateTracker>()) {
  DriverOptions options;
  options.spin = spin;
  pump_ = unwrap(
      BlockingDriver::create(options, [states = states_](const ObservedEvent& event) { states->observe(event); }));
}

PumpBinding::~PumpBinding() {
  // In a forked child the pump's threads do not exist: nobody could join them.
  if (generation_ != fork_guard::generation()) static_cast<void>(pump_.release());
}

void PumpBinding::check_process() const { python::check_process(generation_); }

StateTracker& PumpBinding::states() {
  check_process();  // the fork may have found its lock taken
  return *states_;
}

BlockingDriver& PumpBinding::alive() {
  check_process();
  if (!pump_) raise(Code::kFailedPrecondition, "the interpreter is shutting down");
  return *pump_;
}

void PumpBinding::shut_down() {
  if (generation_ != fork_guard::generation()) return;
  states_->stop();
  if (!pump_) return;
  if (inside_.load(std::memory_order_acquire) != 0) {
    // A daemon thread is in a call. The process ends before it can notice.
    static_cast<void>(pump_.release());
    return;
  }
  // Taken away with the GIL held: who comes while its threads end finds no pump.
  std::unique_ptr<BlockingDriver> ending = std::move(pump_);
  without_gil([&] {
    ending.reset();
    return true;
  });
}

ClientId PumpBinding::connect(const ConnectOptions& options) {
  BlockingDriver& pump = alive();
  return unwrap(without_gil(*this, [&] { return pump.driver().connect(options); }));
}

ServerId PumpBinding::serve(const ServeOptions& options) {
  BlockingDriver& pump = alive();
  return unwrap(without_gil(*this, [&] { return pump.driver().serve(options); }));
}

template <typename Wait>
auto PumpBinding::wait(Wait wait) {
  BlockingDriver& pump = alive();
  const Visit visit(*this);
  auto seen = without_gil([&] { return wait(pump, interrupted_by_signals()); });
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  return seen;
}

void PumpBinding::wait_client(ClientId client) {
  const std::optional<StateTracker::State> seen = wait([&](BlockingDriver& pump, const Interrupted& interrupted) {
    return states_->wait_begun(pump, StateTracker::client(client), interrupted);
  });
  if (seen && !seen->begun) raise(seen->why.code, seen->why.message);
}

void PumpBinding::wait_server(ServerId server) {
  const std::optional<StateTracker::State> seen = wait([&](BlockingDriver& pump, const Interrupted& interrupted) {
    return states_->wait_begun(pump, StateTracker::server(server), interrupted);
  });
  if (seen && !seen->begun && seen->why.code != Code::kOk) raise(seen->why.code, seen->why.message);
}

void PumpBinding::wait_server_closed(ServerId server) {
  wait([&](BlockingDriver& pump, const Interrupted& interrupted) {
    states_->wait_closed(pump, server, interrupted);
    return true;
  });
}

void PumpBinding::run_worker(const py::object& self, ServerId server, std::uint32_t shift, const Handlers& handlers,
                             const py::object& before, const py::object& ending) {
  check_handlers(handlers);
  auto& binding = self.cast<PumpBinding&>();
  BlockingDriver& pump = binding.alive();
  const Visit visit(binding);
  const Interrupted interrupted = interrupted_by_signals();
  const HandlerContext begin{nullptr, before.ptr()};
  {
    Worker worker(pump, server, shift);
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

py::object PumpBinding::next_event() {
  using Kind = StateTracker::TrackedEvent::Kind;
  static_cast<void>(alive());
  const std::shared_ptr<StateTracker> states = states_;
  const auto event = without_gil([&] { return states->next_event(); });
  if (!event) return py::none();
  py::str state = "";
  const char* kind = event->kind == Kind::kCancel ? "cancel" : "saturated";
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

bool PumpBinding::is_usable() const { return pump_ != nullptr && generation_ == fork_guard::generation(); }

void PumpBinding::reply(const RequestKey& key, ConstBytes payload) {
  if (!is_usable()) return;
  pump_->reply(key, payload);
  states_->answered(key);
}

void PumpBinding::reply_error(const RequestKey& key, Code code, std::string_view message, ConstBytes details) {
  if (!is_usable()) return;
  pump_->reply_error(key, code, message, details);
  states_->answered(key);
}

bool PumpBinding::cancelled(const RequestKey& key) { return !is_usable() || states_->cancelled(key); }

void bind_pump(py::module_& module) {
  const auto driver = [](PumpBinding& pump) -> Driver& { return pump.alive().driver(); };
  py::class_<PumpBinding> type(module, "Pump", py::module_local(), plain_metaclass(),
                               "The driver of a process's blocking API.");
  hide_module_local(type);
  type.def(py::init<bool>(), py::arg("spin") = true)
      .def("shut_down", &PumpBinding::shut_down)
      .def("check_process", &PumpBinding::check_process)
      .def(
          "connect",
          [](PumpBinding& pump, const std::vector<Path>& addresses, std::int64_t connect_timeout_us,
             std::uint64_t max_queued_bytes, const py::dict& limits, Allow allow) {
            return pump.connect(
                connect_options(addresses, connect_timeout_us, max_queued_bytes, limits, std::move(allow)));
          },
          py::arg("addresses"), py::arg("connect_timeout_us"), py::arg("max_queued_bytes"), py::arg("limits"),
          py::arg("allow"))
      .def(
          "serve",
          [](PumpBinding& pump, Path address, std::vector<std::string> methods,
             std::vector<std::uint32_t> serial_groups, const std::string& takeover, std::int64_t takeover_timeout_us,
             const py::dict& limits, Allow allow, unsigned mode) {
            return pump.serve(serve_options(std::move(address), std::move(methods), std::move(serial_groups), takeover,
                                            takeover_timeout_us, limits, std::move(allow), mode));
          },
          py::arg("address"), py::arg("methods"), py::arg("serial_groups"), py::arg("takeover"),
          py::arg("takeover_timeout_us"), py::arg("limits"), py::arg("allow"), py::arg("mode"))
      .def("wait_client", &PumpBinding::wait_client, py::arg("client"))
      .def("wait_server", &PumpBinding::wait_server, py::arg("server"))
      .def("wait_server_closed", &PumpBinding::wait_server_closed, py::arg("server"))
      .def(
          "set_loop_methods",
          [](PumpBinding& pump, ServerId server, std::vector<bool> methods) {
            pump.alive().set_loop_methods(server, std::move(methods));
          },
          py::arg("server"), py::arg("methods"))
      .def("run_worker", &PumpBinding::run_worker, py::arg("server"), py::arg("shift"), py::arg("handlers"),
           py::arg("before"), py::arg("ending"))
      .def("listen", [](PumpBinding& pump) { pump.states().listen(); })
      .def("last_event", [](PumpBinding& pump) { return pump.states().last_event(); })
      .def("next_event", &PumpBinding::next_event)
      .def(
          "close_client",
          [driver](PumpBinding& pump, ClientId client) {
            Driver& target = driver(pump);
            without_gil(pump, [&] {
              target.close_client(client);
              return true;
            });
          },
          py::arg("client"))
      .def(
          "forget_client",
          [](PumpBinding& pump, ClientId client) { pump.states().forget(StateTracker::client(client)); },
          py::arg("client"))
      .def(
          "close_server",
          [driver](PumpBinding& pump, ServerId server, std::int64_t grace_us) {
            Driver& target = driver(pump);
            without_gil(pump, [&] {
              target.close_server(server, to_duration(grace_us));
              return true;
            });
          },
          py::arg("server"), py::arg("grace_us"))
      .def(
          "stop_workers",
          [](PumpBinding& pump, ServerId server) {
            BlockingDriver& target = pump.alive();
            without_gil(pump, [&] {
              target.stop_workers(server);
              return true;
            });
          },
          py::arg("server"))
      .def(
          "begin_shift",
          [](PumpBinding& pump, ServerId server) {
            BlockingDriver& target = pump.alive();
            return without_gil(pump, [&] { return target.dismiss_workers(server); });
          },
          py::arg("server"))
      .def(
          "forget_server",
          [](PumpBinding& pump, ServerId server) { pump.states().forget(StateTracker::server(server)); },
          py::arg("server"))
      .def(
          "methods",
          [driver](PumpBinding& pump, ClientId client) {
            Driver& target = driver(pump);
            return to_list(without_gil(pump, [&] { return target.methods(client); }));
          },
          py::arg("client"))
      .def(
          "generation",
          [driver](PumpBinding& pump, ClientId client) {
            Driver& target = driver(pump);
            return GenerationBinding{without_gil(pump, [&] { return target.generation(client); })};
          },
          py::arg("client"))
      .def(
          "intern_method",
          [driver](PumpBinding& pump, ClientId client, const Text& name) {
            Driver& target = driver(pump);
            return without_gil(pump, [&] { return target.intern_method(client, name); });
          },
          py::arg("client"), py::arg("name"))
      .def(
          "find_method",
          [driver](PumpBinding& pump, ClientId client, const Text& name) {
            Driver& target = driver(pump);
            return unwrap(without_gil(pump, [&] { return target.find_method(client, name); }));
          },
          py::arg("client"), py::arg("name"))
      .def(
          "client_status",
          [driver](PumpBinding& pump, ClientId client, const std::vector<Path>& addresses) {
            Driver& target = driver(pump);
            return to_dict(without_gil(pump, [&] {
              return target.client_status(client, {addresses.begin(), addresses.end()});
            }));
          },
          py::arg("client"), py::arg("addresses"))
      .def(
          "server_status",
          [](PumpBinding& pump, ServerId server) {
            BlockingDriver& target = pump.alive();
            const auto [status, load] = without_gil(
                pump, [&] { return std::pair(target.driver().server_status(server), target.load(server)); });
            py::dict dict = to_dict(status);
            dict["workers"] = load.workers;
            dict["busy_workers"] = load.running;
            dict["queued_calls"] = load.queued;
            dict["slowest_method"] = load.slowest_method;
            dict["slowest_us"] = microseconds(load.slowest);
            return dict;
          },
          py::arg("server"));
}

}  // namespace ipcbridge::python
