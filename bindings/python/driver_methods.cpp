// What Python calls of a DriverBinding.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bindings/python/bytes.hpp"
#include "bindings/python/classes.hpp"
#include "bindings/python/driver_binding.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/options.hpp"
#include "bindings/python/peer_methods.hpp"
#include "bindings/python/proxy_base.hpp"
#include "bindings/python/stream_producer.hpp"
#include "bindings/python/text.hpp"

namespace py = pybind11;

namespace ipcbridge::python {

void bind_driver(py::module_& module) {
  py::class_<DriverBinding> type(module, "Driver", py::module_local(), plain_metaclass(),
                                 "The driver of one asyncio loop.");
  hide_module_local(type);
  type.def(py::init<py::object, py::object, py::object>(), py::arg("loop"), py::arg("call_type"), py::arg("queue_poll"))
      .def("shut_down", &DriverBinding::shut_down)
      .def("check_process", &DriverBinding::check_process)
      .def("usable", &DriverBinding::usable)
      .def("fd", [](DriverBinding& self) { return self.alive().fd(); })
      .def(
          "run",
          [](const py::object& self, const py::object& on_event, const py::object& on_error) {
            return self.cast<DriverBinding&>().run(self, on_event, on_error);
          },
          py::arg("on_event"), py::arg("on_error"))
      .def(
          "close_streams", [](DriverBinding& self, ServerId server) { close_streams_of(self, server); },
          py::arg("server"))
      .def(
          "use_threads",
          [](DriverBinding& self, ServerId server, std::uint32_t count, std::vector<bool> methods) {
            return self.alive().use_threads(server, count, std::move(methods));
          },
          py::arg("server"), py::arg("count"), py::arg("methods"))
      .def("use_stream_start", &DriverBinding::use_stream_start, py::arg("start"))
      .def("use_stream_type", &DriverBinding::use_stream_type, py::arg("type"), py::arg("next_item"))
      .def("poll_soon", &DriverBinding::poll_soon)
      .def("run_poll", &DriverBinding::run_poll, py::arg("poll"))
      .def("poll", &DriverBinding::poll, py::arg("most_us"))
      .def("prepare_sleep", &DriverBinding::prepare_sleep)
      .def(
          "connect",
          [](DriverBinding& self, const std::vector<Path>& addresses, std::int64_t connect_timeout_us,
             std::uint64_t max_queued_bytes, const py::dict& limits, Allow allow, std::string name, bool lazy,
             ServerId serves) {
            return unwrap(self.waking().connect(connect_options(addresses, connect_timeout_us, max_queued_bytes, limits,
                                                                std::move(allow), serves, std::move(name), lazy)));
          },
          py::arg("addresses"), py::arg("connect_timeout_us"), py::arg("max_queued_bytes"), py::arg("limits"),
          py::arg("allow"), py::arg("name") = std::string(), py::arg("lazy") = false, py::arg("serves") = ServerId{0})
      .def(
          "serve",
          [](DriverBinding& self, Path address, std::vector<std::string> methods,
             std::vector<std::uint32_t> serial_groups, const std::string& takeover, std::int64_t takeover_timeout_us,
             const py::dict& limits, Allow allow, unsigned mode, bool shared) {
            return unwrap(self.waking().serve(serve_options(std::move(address), std::move(methods),
                                                            std::move(serial_groups), takeover, takeover_timeout_us,
                                                            limits, std::move(allow), mode, shared)));
          },
          py::arg("address"), py::arg("methods"), py::arg("serial_groups"), py::arg("takeover"),
          py::arg("takeover_timeout_us"), py::arg("limits"), py::arg("allow"), py::arg("mode"), py::arg("shared"))
      .def(
          "call",
          [](DriverBinding& self, ClientId client, const py::object& call, const py::object& keeper,
             std::uint32_t method, std::int64_t timeout_us, unsigned flags, const py::bytes& metadata,
             std::int64_t idle_timeout_us, const py::bytes& payload) {
            Driver& driver = self.waking();
            const CallOptions options = call_options(timeout_us, flags);
            self.pending().reserve_one();
            const std::uint64_t token = PendingCalls::token(call.ptr());
            const Submission sent = unwrap(driver.call(client, token, method, options, view(metadata), view(payload)));
            if (sent == Submission::kTaken && !options.notify) {
              StreamLimits limits;
              if (options.timeout) limits = {deadline_after(Clock::now(), *options.timeout), *options.timeout};
              if (idle_timeout_us >= 0) limits.idle = to_duration(idle_timeout_us);
              self.pending().add(call.ptr(), client, keeper.ptr(), limits);
            }
            return sent == Submission::kTaken;
          },
          py::arg("client"), py::arg("call"), py::arg("keeper"), py::arg("method"), py::arg("timeout_us"),
          py::arg("flags"), py::arg("metadata"), py::arg("idle_timeout_us"), py::arg("payload"))
      .def("abandon", &DriverBinding::abandon, py::arg("call"))
      .def("add_server", &DriverBinding::add_server, py::arg("server"), py::arg("handlers"), py::arg("context"),
           py::arg("before"), py::arg("pool"), py::arg("start_thread"))
      .def("remove_server", &DriverBinding::remove_server, py::arg("server"))
      .def(
          "close_client", [](DriverBinding& self, ClientId client) { self.waking().close_client(client); },
          py::arg("client"))
      .def(
          "close_server",
          [](DriverBinding& self, ServerId server, std::int64_t grace_us) {
            self.waking().close_server(server, to_duration(grace_us));
          },
          py::arg("server"), py::arg("grace_us"))
      .def(
          "methods", [](DriverBinding& self, ClientId client) { return to_list(self.alive().methods(client)); },
          py::arg("client"))
      .def(
          "generation",
          [](DriverBinding& self, ClientId client) { return GenerationBinding{self.alive().generation(client)}; },
          py::arg("client"))
      .def(
          "intern_method",
          [](DriverBinding& self, ClientId client, const Text& name) {
            return self.alive().intern_method(client, name);
          },
          py::arg("client"), py::arg("name"))
      .def(
          "find_method",
          [](DriverBinding& self, ClientId client, const Text& name) {
            return unwrap(self.alive().find_method(client, name));
          },
          py::arg("client"), py::arg("name"))
      .def(
          "client_status",
          [](DriverBinding& self, ClientId client, const std::vector<Path>& addresses) {
            return to_dict(self.alive().client_status(client, {addresses.begin(), addresses.end()}));
          },
          py::arg("client"), py::arg("addresses"))
      .def(
          "server_status",
          [](DriverBinding& self, ServerId server) { return to_dict(self.alive().server_status(server)); },
          py::arg("server"));
  bind_peer_methods(
      type, [](DriverBinding& self, auto act) { return act(self.waking()); }, [](DriverBinding&, ClientId) {});
}

}  // namespace ipcbridge::python
