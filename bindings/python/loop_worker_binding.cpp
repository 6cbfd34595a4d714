#include "bindings/python/loop_worker_binding.hpp"

#include <chrono>
#include <utility>

#include "bindings/python/classes.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/gil.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// Before the loop gets a look at its other descriptors.
constexpr int kMaxCallsInARow = 64;

// Seconds as asyncio gives them.
TimePoint after(const py::object& timeout) {
  if (timeout.is_none()) return kNever;
  const double seconds = timeout.cast<double>();
  constexpr double kLongest = 1e9;
  if (seconds <= 0) return {};
  if (seconds >= kLongest) return kNever;
  return Clock::now() + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

LoopWorkerBinding::LoopWorkerBinding(py::object driver, int selector, py::object ready)
    : driver_object_(std::move(driver)),
      driver_(driver_object_.cast<BlockingDriverBinding&>()),
      ready_(std::move(ready)),
      worker_(unwrap(LoopWorker::create(driver_.alive(), System::real(), selector))) {}

LoopWorkerBinding::~LoopWorkerBinding() { close(); }

void LoopWorkerBinding::close() {
  if (worker_ == nullptr) return;
  // Where the interpreter ends without its loop, the driver has gone before.
  if (driver_.is_alive()) {
    worker_.reset();
  } else {
    static_cast<void>(worker_.release());
  }
}

void LoopWorkerBinding::add_server(ServerId server, Handlers handlers) {
  check_handlers(handlers);
  servers_.insert_or_assign(server, std::move(handlers));
}

void LoopWorkerBinding::remove_server(ServerId server) { servers_.erase(server); }

bool LoopWorkerBinding::wait(const py::object& timeout, const py::list& scheduled) {
  BlockingDriver& driver = driver_.alive();
  const BlockingDriverBinding::Visit visit(driver_);
  const TimePoint until = after(timeout);
  const std::size_t scheduled_before = scheduled.size();
  for (;;) {
    const LoopWorker::Ready ready = without_gil([&] { return worker_->wait(until); });
    if (ready != LoopWorker::Ready::kCall) return ready == LoopWorker::Ready::kOther;
    if (!run_calls(driver)) throw py::error_already_set();
    if (PyObject_Size(ready_.ptr()) != 0 || scheduled.size() != scheduled_before) return false;
  }
}

// False with an exception set.
bool LoopWorkerBinding::run_calls(BlockingDriver& driver) {
  InboundCall call;
  for (int count = 0; count < kMaxCallsInARow; ++count) {
    if (!worker_->take(call)) return true;
    const auto found = servers_.find(call.server);
    if (found == servers_.end()) {
      driver.reply_error(call.key, Code::kUnavailable, "the service is closing", {});
      continue;
    }
    const Handlers handlers = found->second;  // the server may be removed meanwhile
    if (!handle(driver_, driver_object_.ptr(), call, handlers.ptr(), {nullptr, Py_None})) return false;
  }
  worker_->finish();
  return true;
}

void bind_loop_worker(py::module_& module) {
  py::class_<LoopWorkerBinding> type(module, "LoopWorker", py::module_local(), plain_metaclass(),
                                     "Waits for the calls of async handlers in an event loop's selector.");
  hide_module_local(type);
  type.def(py::init<py::object, int, py::object>(), py::arg("driver"), py::arg("selector"), py::arg("ready"))
      .def("add_server", &LoopWorkerBinding::add_server, py::arg("server"), py::arg("handlers"))
      .def("remove_server", &LoopWorkerBinding::remove_server, py::arg("server"))
      .def("wait", &LoopWorkerBinding::wait, py::arg("timeout"), py::arg("scheduled"))
      .def("close", &LoopWorkerBinding::close);
}

}  // namespace ipcbridge::python
