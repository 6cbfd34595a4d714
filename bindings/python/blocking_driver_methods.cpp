// What Python calls of a BlockingDriverBinding.
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bindings/python/awaited_arguments.hpp"
#include "bindings/python/blocking_driver_binding.hpp"
#include "bindings/python/classes.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/options.hpp"
#include "bindings/python/peer_methods.hpp"
#include "bindings/python/proxy_base.hpp"
#include "bindings/python/stream_producer.hpp"
#include "bindings/python/submitted_call.hpp"
#include "bindings/python/text.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

std::int64_t microseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

}  // namespace

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
      .def("use_awaited_work", &BlockingDriverBinding::use_awaited_work, py::arg("work"))
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
