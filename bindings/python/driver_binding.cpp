#include "bindings/python/driver_binding.hpp"

#include <chrono>
#include <utility>

#include "bindings/python/bytes.hpp"
#include "bindings/python/classes.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/options.hpp"
#include "bindings/python/proxy_base.hpp"
#include "bindings/python/text.hpp"
#include "core/base/fork.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

constexpr std::size_t kRows = 256;
constexpr std::size_t kSlabBytes = 4 * EventBatch::kMinSlabBytes;

}  // namespace

DriverBinding::DriverBinding(bool spin)
    : generation_(fork_guard::generation()), table_(kRows * EventRow::kWords), slab_(kSlabBytes) {
  batch_.use(table_, slab_);
  DriverOptions options;
  options.spin = spin;
  driver_ = unwrap(Driver::create(options));
}

DriverBinding::~DriverBinding() = default;

bool DriverBinding::usable() const { return driver_ != nullptr && generation_ == fork_guard::generation(); }

void DriverBinding::check_process() const { python::check_process(generation_); }

Driver& DriverBinding::alive() {
  check_process();
  if (driver_ == nullptr) raise(Code::kFailedPrecondition, "the event loop was closed");
  return *driver_;
}

void DriverBinding::shut_down() { driver_.reset(); }

py::tuple DriverBinding::turn(bool poll) {
  Driver& driver = alive();
  batch_.reset();
  // With the GIL: a turn is bounded and short, and a thread that lets go of the GIL may get it back only
  // 5 ms later.
  const bool more = driver.turn(batch_, poll);
  py::list events(batch_.size());
  for (std::size_t at = 0; at < batch_.size(); ++at) events[at] = to_event(batch_.row(at));
  return py::make_tuple(std::move(events), more);
}

py::tuple DriverBinding::to_event(const EventRow& row) const {
  const auto number = [&](EventRow::Column column) { return row.words[column]; };
  const auto payload = [&] { return to_bytes(batch_.payload(row)); };
  const auto message = [&] { return to_str(batch_.message(row)); };
  const auto code = [&] { return to_str(code_name(static_cast<Code>(number(EventRow::kCode)))); };
  const std::uint32_t owner = number(EventRow::kOwner);
  switch (static_cast<EventKind>(number(EventRow::kKind))) {
    case EventKind::kOutcome: {
      const std::uint64_t token = row.wide(EventRow::kToken);
      if (number(EventRow::kCode) == 0) return py::make_tuple("result", owner, token, payload());
      return py::make_tuple("error", owner, token, code(), message(), payload(), number(EventRow::kEnding));
    }
    case EventKind::kInboundCall:
      return py::make_tuple("request", owner, number(EventRow::kMethod), payload(), to_bytes(batch_.metadata(row)),
                            row.key().connection, row.key().id, row.wide(EventRow::kTimeout),
                            (number(EventRow::kFlags) & EventRow::kNotify) != 0);
    case EventKind::kCancel:
      return py::make_tuple("cancel", owner, row.key().connection, row.key().id);
    case EventKind::kClientState:
      return py::make_tuple("client", owner, to_str(state_name(static_cast<ClientState>(number(EventRow::kState)))),
                            code(), message());
    case EventKind::kServerState:
      return py::make_tuple("server", owner, to_str(state_name(static_cast<ServerState>(number(EventRow::kState)))),
                            code(), message());
    case EventKind::kRoom:
      return py::make_tuple("room", owner);
  }
  return py::tuple();
}

py::object DriverBinding::spin(std::int64_t most_us) {
  Driver& driver = alive();
  const TimePoint end = Clock::now() + std::chrono::microseconds(most_us);
  bool over = false;
  PyThreadState* state = PyEval_SaveThread();
  const bool found = driver.spin([&] {
    over = Clock::now() >= end;
    return over;
  });
  PyEval_RestoreThread(state);
  if (over) return py::none();
  return py::bool_(found);
}

void bind_driver(py::module_& module) {
  py::class_<DriverBinding> type(module, "Driver", py::module_local(), plain_metaclass(),
                                 "The driver of one asyncio loop.");
  hide_module_local(type);
  type.def(py::init<bool>(), py::arg("spin") = true)
      .def("shut_down", &DriverBinding::shut_down)
      .def("check_process", &DriverBinding::check_process)
      .def("usable", &DriverBinding::usable)
      .def("fd", [](DriverBinding& self) { return self.alive().fd(); })
      .def("turn", &DriverBinding::turn, py::arg("poll"))
      .def("spin", &DriverBinding::spin, py::arg("most_us"))
      .def("prepare_sleep", [](DriverBinding& self) { return self.alive().prepare_sleep(); })
      .def(
          "connect",
          [](DriverBinding& self, const std::vector<Path>& addresses, std::int64_t connect_timeout_us,
             std::uint64_t max_queued_bytes, const py::dict& limits, Allow allow) {
            return unwrap(self.alive().connect(
                connect_options(addresses, connect_timeout_us, max_queued_bytes, limits, std::move(allow))));
          },
          py::arg("addresses"), py::arg("connect_timeout_us"), py::arg("max_queued_bytes"), py::arg("limits"),
          py::arg("allow"))
      .def(
          "serve",
          [](DriverBinding& self, Path address, std::vector<std::string> methods, const std::string& takeover,
             std::int64_t takeover_timeout_us, const py::dict& limits, Allow allow, unsigned mode) {
            return unwrap(self.alive().serve(serve_options(std::move(address), std::move(methods), takeover,
                                                           takeover_timeout_us, limits, std::move(allow), mode)));
          },
          py::arg("address"), py::arg("methods"), py::arg("takeover"), py::arg("takeover_timeout_us"),
          py::arg("limits"), py::arg("allow"), py::arg("mode"))
      .def(
          "call",
          [](DriverBinding& self, ClientId client, std::uint64_t token, std::uint32_t method, std::int64_t timeout_us,
             unsigned flags, const py::bytes& metadata, const py::bytes& payload) {
            return unwrap(self.alive().call(client, token, method, call_options(timeout_us, flags), view(metadata),
                                            view(payload))) == Submission::kTaken;
          },
          py::arg("client"), py::arg("token"), py::arg("method"), py::arg("timeout_us"), py::arg("flags"),
          py::arg("metadata"), py::arg("payload"))
      .def(
          "cancel",
          [](DriverBinding& self, ClientId client, std::uint64_t token) { self.alive().cancel(client, token); },
          py::arg("client"), py::arg("token"))
      .def(
          "close_client", [](DriverBinding& self, ClientId client) { self.alive().close_client(client); },
          py::arg("client"))
      .def(
          "close_server",
          [](DriverBinding& self, ServerId server, std::int64_t grace_us) {
            self.alive().close_server(server, to_duration(grace_us));
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
          py::arg("server"))
      .def(
          "reply",
          [](DriverBinding& self, std::uint64_t connection, std::uint64_t id, const py::bytes& payload) {
            self.alive().reply({connection, id}, view(payload));
          },
          py::arg("connection"), py::arg("id"), py::arg("payload"))
      .def(
          "reply_error",
          [](DriverBinding& self, std::uint64_t connection, std::uint64_t id, unsigned code, const std::string& message,
             const py::bytes& details) {
            self.alive().reply_error({connection, id},
                                     code_from_number(static_cast<std::uint8_t>(code)).value_or(Code::kUnknown),
                                     message, view(details));
          },
          py::arg("connection"), py::arg("id"), py::arg("code"), py::arg("message"), py::arg("details"));
}

}  // namespace ipcbridge::python
