#include "bindings/python/handler_pool_binding.hpp"

#include <cstdint>
#include <memory>

#include "bindings/python/classes.hpp"
#include "bindings/python/driver_binding.hpp"
#include "bindings/python/gil.hpp"
#include "bindings/python/handlers.hpp"
#include "bindings/python/inheritance.hpp"
#include "bindings/python/objects.hpp"
#include "core/workers/handler_pool.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

void call_thread(HandlerPool& pool, const py::object& start_thread) {
  if (pool.call_thread() && !succeeded(PyObject_CallNoArgs(start_thread.ptr()))) PyErr_WriteUnraisable(nullptr);
}

// In place of one that has left, for what it leaves; with its exception set, if there is one.
void call_another(HandlerPool& pool, const py::object& start_thread) {
  const RaisedAside aside;
  call_thread(pool, start_thread);
}

// The work of one thread, until the server is closed or an exception ends it. No destructor here touches Python: see
// BlockingDriverBinding.
void run_handlers(HandlerPool& pool, const py::object& driver, ThreadPoolId id, const Handlers& handlers,
                  const py::object& context, const py::object& before, const py::object& start_thread) {
  check_handlers(handlers);
  auto& reader = driver.cast<DriverBinding&>();
  Responder& responder = reader;
  const HandlerContext begin{context.ptr(), before.ptr()};
  {
    const PoolThread held(id);
    HandlerPool::Thread thread(pool);
    InboundCall call;
    bool goes_on = true;
    const auto read = [&] { return reader.read_for(pool); };
    while (goes_on && without_gil([&] { return thread.wait(read); })) {
      while (goes_on && thread.take(call)) {
        call_thread(pool, start_thread);
        goes_on = handle(responder, driver.ptr(), call, handlers.ptr(), begin);
      }
    }
  }
  call_another(pool, start_thread);
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
}

void refuse_calls(HandlerPool& pool, const py::object& driver, const Handlers& handlers) {
  check_handlers(handlers);
  auto& responder = driver.cast<DriverBinding&>();
  for (InboundCall call; pool.take_back(call);) {
    if (!handle(responder, driver.ptr(), call, handlers.ptr(), {nullptr, Py_None})) throw py::error_already_set();
  }
}

}  // namespace

void bind_handler_pool(py::module_& module) {
  py::class_<HandlerPool, std::shared_ptr<HandlerPool>> type(
      module, "HandlerPool", py::module_local(), plain_metaclass(),
      "The plain calls of a server on an asyncio loop, and the threads that run them.");
  hide_module_local(type);
  type.def(py::init<std::uint32_t>(), py::arg("most_threads"))
      .def("run_handlers", &run_handlers, py::arg("driver"), py::arg("pool"), py::arg("handlers"), py::arg("context"),
           py::arg("before"), py::arg("start_thread"))
      .def("refuse_calls", &refuse_calls, py::arg("driver"), py::arg("handlers"))
      .def("note_not_started", &HandlerPool::note_not_started)
      .def("stop", &HandlerPool::stop);
}

}  // namespace ipcbridge::python
