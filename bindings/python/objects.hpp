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

// While it lives, what is raised is kept aside: code runs that asks whether anything is.
class RaisedAside {
 public:
  RaisedAside() { PyErr_Fetch(&type_, &value_, &traceback_); }
  ~RaisedAside() { PyErr_Restore(type_, value_, traceback_); }
  RaisedAside(const RaisedAside&) = delete;
  RaisedAside& operator=(const RaisedAside&) = delete;

 private:
  PyObject* type_ = nullptr;
  PyObject* value_ = nullptr;
  PyObject* traceback_ = nullptr;
};

// A function as PyType_Slot takes it.
template <typename F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace ipcbridge::python
