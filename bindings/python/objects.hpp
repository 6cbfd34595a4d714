#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// Helpers for types and calls that use Python's own C API.

inline PyObject* new_reference(PyObject* object) {
  Py_INCREF(object);
  return object;
}

// Drops the result of a call. False when there is none, because it has raised.
inline bool succeeded(PyObject* result) {
  Py_XDECREF(result);
  return result != nullptr;
}

// A function as PyType_Slot takes it.
template <typename F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace ipcbridge::python
