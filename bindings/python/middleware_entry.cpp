#include "bindings/python/middleware_entry.hpp"

#include "bindings/python/caller.hpp"
#include "bindings/python/current_call.hpp"
#include "bindings/python/middleware_call.hpp"
#include "bindings/python/middleware_step.hpp"
#include "bindings/python/objects.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

struct Entry {
  PyObject_HEAD PyObject* first;  // null: it has not begun, or is being collected
  PyObject* loop_caller;          // or null
  PyObject* result_type;          // or null
  bool serves;
};

Entry* self_of(PyObject* object) { return reinterpret_cast<Entry*>(object); }

// What has been raised goes on, unless the entry has something in its place.
PyObject* failed(PyObject* object) {
  PyObject* type = nullptr;
  PyObject* error = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &error, &traceback);
  PyErr_NormalizeException(&type, &error, &traceback);
  if (traceback != nullptr) PyException_SetTraceback(error, traceback);
  PyObject* result = PyObject_CallMethod(object, "failed", "O", error);
  if (result == Py_None) {
    Py_CLEAR(result);
    PyErr_Restore(type, error, PyException_GetTraceback(error));
    Py_XDECREF(traceback);
    return nullptr;
  }
  Py_XDECREF(type);
  Py_XDECREF(error);
  Py_XDECREF(traceback);
  return result;
}

// Before code of the user's runs. False with an exception set.
bool is_called_where_it_may(const Entry* self) {
  py::object loop;
  return self->loop_caller == nullptr || is_on_loop(caller_of(self->loop_caller), loop);
}

PyObject* pass(PyObject* object, PyObject* served, PyObject* args, PyObject* kwargs) {
  PyObject* call = new_middleware_call(object, served, args, kwargs);
  if (call == nullptr) return nullptr;
  PyObject* result = take_step(self_of(object)->first, call);
  Py_DECREF(call);
  return result;
}

PyObject* serve_current(PyObject* object, PyObject* args, PyObject* kwargs) {
  PyObject* served = current_call();
  if (served == nullptr) {
    if (PyErr_Occurred() == nullptr) PyErr_SetString(PyExc_RuntimeError, "there is no call to be handled");
    return nullptr;
  }
  PyObject* result = pass(object, served, args, kwargs);
  Py_DECREF(served);
  return result;
}

PyObject* call(PyObject* object, PyObject* args, PyObject* kwargs) {
  const Entry* self = self_of(object);
  if (self->first == nullptr) return PyErr_Format(PyExc_RuntimeError, "the method has not begun");
  if (!is_called_where_it_may(self)) return nullptr;
  if (self->serves) return serve_current(object, args, kwargs);
  PyObject* result = pass(object, nullptr, args, kwargs);
  if (result == nullptr) return failed(object);
  if (self->result_type == nullptr) return result;
  if (reinterpret_cast<PyObject*>(Py_TYPE(result)) == self->result_type) return result;
  PyObject* ended = PyObject_CallMethod(object, "ended", "O", result);
  Py_DECREF(result);
  return ended;
}

PyObject* or_null(PyObject* object) { return object == Py_None ? nullptr : new_reference(object); }

PyObject* begin(PyObject* object, PyObject* args) {
  PyObject* first = nullptr;
  PyObject* loop_caller = nullptr;
  PyObject* result_type = nullptr;
  int serves = 0;
  if (PyArg_ParseTuple(args, "OpOO:_begin", &first, &serves, &loop_caller, &result_type) == 0) return nullptr;
  if (!is_middleware_step(first)) return PyErr_Format(PyExc_TypeError, "an entry begins with a MiddlewareStep");
  if (loop_caller != Py_None && !is_caller(loop_caller)) {
    return PyErr_Format(PyExc_TypeError, "whether an entry is called on its loop a Caller knows");
  }
  Entry* self = self_of(object);
  self->serves = serves != 0;
  Py_XSETREF(self->first, new_reference(first));
  Py_XSETREF(self->loop_caller, or_null(loop_caller));
  Py_XSETREF(self->result_type, or_null(result_type));
  Py_RETURN_NONE;
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  Entry* self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->first);
  Py_VISIT(self->loop_caller);
  Py_VISIT(self->result_type);
  return 0;
}

int clear(PyObject* object) {
  Entry* self = self_of(object);
  Py_CLEAR(self->first);
  Py_CLEAR(self->loop_caller);
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  clear(object);
  Py_XDECREF(self_of(object)->result_type);
  type->tp_free(object);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"_begin", &begin, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

// Without a vectorcall function: the arguments of calls that arrive are a tuple and a dict, and remain such.
PyType_Slot slots[] = {
    {Py_tp_call, slot(&call)},   {Py_tp_dealloc, slot(&dealloc)}, {Py_tp_traverse, slot(&traverse)},
    {Py_tp_clear, slot(&clear)}, {Py_tp_methods, methods},        {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge._native.MiddlewareEntry",
    static_cast<int>(sizeof(Entry)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    slots,
};

}  // namespace

PyObject* call_serving(PyObject* handler, PyObject* served, PyObject* args, PyObject* kwargs) {
  if (Py_TYPE(handler)->tp_call != &call || !self_of(handler)->serves || self_of(handler)->first == nullptr) {
    return PyObject_Call(handler, args, kwargs);
  }
  return pass(handler, served, args, kwargs);
}

void add_middleware_entry_type(py::module_& module) {
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  module.attr("MiddlewareEntry") = type;
}

}  // namespace ipcbridge::python
