#pragma once

#include <pybind11/pybind11.h>

#include "core/base/bytes.hpp"

namespace ipcbridge::python {

// The contents of a bytes object, valid while it is alive: bytes never change, also without the GIL.
inline ConstBytes view(PyObject* bytes) {
  return {reinterpret_cast<const std::byte*>(PyBytes_AS_STRING(bytes)),
          static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
}

inline ConstBytes view(const pybind11::bytes& bytes) { return view(bytes.ptr()); }

// A new bytes object, or null with an exception set.
inline PyObject* new_bytes(ConstBytes bytes) {
  return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(bytes.data()), static_cast<Py_ssize_t>(bytes.size()));
}

inline pybind11::bytes to_bytes(ConstBytes bytes) {
  PyObject* made = new_bytes(bytes);
  if (made == nullptr) throw pybind11::error_already_set();
  return pybind11::reinterpret_steal<pybind11::bytes>(made);
}

}  // namespace ipcbridge::python
