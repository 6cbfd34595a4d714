#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// What a function of Python's C API has made: not null. Throws error_already_set.
inline PyObject* check(PyObject* made) {
  if (made == nullptr) throw pybind11::error_already_set();
  return made;
}

inline pybind11::object steal(PyObject* made) { return pybind11::reinterpret_steal<pybind11::object>(check(made)); }

// Takes `value` over.
inline void set_item(const pybind11::object& dict, PyObject* key, PyObject* value) {
  const auto kept = pybind11::reinterpret_steal<pybind11::object>(value);
  if (PyDict_SetItem(dict.ptr(), key, value) != 0) throw pybind11::error_already_set();
}

}  // namespace ipcbridge::python
