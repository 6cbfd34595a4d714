#include "bindings/python/current_call.hpp"

#include "bindings/python/inbound_call_object.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyObject* call_of_context = nullptr;  // a ContextVar
bool was_served = false;              // guarded by the GIL

PyObject* current_call_or_none(PyObject* /*module*/, PyObject* /*unused*/) {
  PyObject* call = current_call();
  if (call != nullptr || PyErr_Occurred() != nullptr) return call;
  Py_RETURN_NONE;
}

PyObject* set_current_call(PyObject* /*module*/, PyObject* call) {
  if (!set_call_of_context(call)) return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"current_call", &current_call_or_none, METH_NOARGS,
     "The call that the calling handler is answering; None outside."},
    {"set_current_call", &set_current_call, METH_O, "For what goes on elsewhere with the current context."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool set_call_of_context(PyObject* call) {
  PyObject* token = PyContextVar_Set(call_of_context, call);
  Py_XDECREF(token);
  return token != nullptr;
}

void note_call_served() { was_served = true; }

bool any_call_was_served() { return was_served; }

PyObject* current_call() {
  PyObject* call = nullptr;
  if (PyContextVar_Get(call_of_context, nullptr, &call) != 0 || call == nullptr) return nullptr;
  if (Py_TYPE(call) == inbound_call_type()) return call;
  Py_DECREF(call);  // None: that of a handler's which wants to pass nothing on
  return nullptr;
}

void add_current_call(py::module_& module) {
  call_of_context = PyContextVar_New("ipcbridge.call", nullptr);
  if (call_of_context == nullptr || PyModule_AddFunctions(module.ptr(), functions) != 0) {
    throw py::error_already_set();
  }
}

}  // namespace ipcbridge::python
