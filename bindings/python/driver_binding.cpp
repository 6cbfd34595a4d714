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

constexpr std::size_t kMaxRecords = 256;
constexpr std::size_t kSlabBytes = 4 * EventBatch::kMinSlabBytes;

}  // namespace

DriverBinding::DriverBinding(bool spin)
    : generation_(fork_guard::generation()), slab_(kSlabBytes), batch_(kMaxRecords) {
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
  batch_.reset(slab_);
  // With the GIL: a turn is bounded and short, and a thread that lets go of the GIL may get it back only
  // 5 ms later.
  const bool more = driver.turn(batch_, poll);
  py::list events(batch_.records().size());
  std::size_t at = 0;
  for (const EventBatch::Record& record : batch_.records()) events[at++] = to_event(record);
  return py::make_tuple(std::move(events), more);
}

py::tuple DriverBinding::to_event(const EventBatch::Record& record) const {
  const ConstBytes slab = slab_;
  const ConstBytes base = record.storage.empty() ? slab : ConstBytes(record.storage);
  const auto part = [&](const EventBatch::Bytes& bytes) { return to_bytes(base.subspan(bytes.offset, bytes.size)); };
  const auto message = [&] { return to_str(as_text(slab.subspan(record.message.offset, record.message.size))); };
  switch (record.kind) {
    case Event::Kind::kOutcome:
      if (record.code == Code::kOk) return py::make_tuple("result", record.owner, record.token, part(record.payload));
      return py::make_tuple("error", record.owner, record.token, to_str(code_name(record.code)), message(),
                            part(record.payload), record.sent_maybe, record.remote, record.not_started);
    case Event::Kind::kRequest:
      return py::make_tuple("request", record.owner, record.method, part(record.payload), part(record.metadata),
                            record.key.connection, record.key.id, record.timeout_us);
    case Event::Kind::kCancel:
      return py::make_tuple("cancel", record.owner, record.key.connection, record.key.id);
    case Event::Kind::kClientState:
      return py::make_tuple("client", record.owner, to_str(state_name(static_cast<ClientState>(record.state))),
                            to_str(code_name(record.code)), message());
    case Event::Kind::kServerState:
      return py::make_tuple("server", record.owner, to_str(state_name(static_cast<ServerState>(record.state))),
                            to_str(code_name(record.code)), message());
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
            unwrap(self.alive().call(client, token, method, call_options(timeout_us, flags), view(metadata),
                                     view(payload)));
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
