#pragma once

#include <cstdint>

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// A call on its way through middleware: ipcbridge.MiddlewareCall. What is seldom looked at is made when it is, by the
// entry through which the call has come: side, service and method are attributes of that, and kind_of(served),
// context_of(served) and metadata_of(served) methods.
struct MiddlewareCall {
  PyObject_HEAD PyObject* entry;
  PyObject* served;  // the InboundCall on the serving side; null on the calling one
  PyObject* args;
  PyObject* kwargs;    // null: there are none, and nobody has looked
  PyObject* metadata;  // null: nobody has looked, who might have changed them
  PyObject* context;   // null: nobody has looked
  Py_ssize_t steps;    // how many of the chain it has taken
};

// A new reference, or null with an exception set. `kwargs` may be null.
PyObject* new_middleware_call(PyObject* entry, PyObject* served, PyObject* args, PyObject* kwargs);

// Null for an object of another type.
MiddlewareCall* middleware_call_of(PyObject* object);

void add_middleware_call_type(pybind11::module_& module);

}  // namespace ipcbridge::python
