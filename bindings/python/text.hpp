#pragma once

#include <string>

#include <pybind11/pybind11.h>

#include "bindings/python/errors.hpp"

namespace ipcbridge::python {

// The parameter of a bound function: a str that may be any, also one with lone surrogates, which UTF-8 cannot carry and
// pybind11 refuses with a TypeError. Those stay what they are, so that two different strings stay different.
struct Text : std::string {};

// The same of an address: file names are bytes, and Python has those that are no UTF-8 as surrogates (os.fsencode).
struct Path : std::string {};

// As Path has it; what a file's name is in Python (os.fsdecode).
inline pybind11::str path_to_str(const std::string& path) {
  PyObject* decoded = PyUnicode_DecodeFSDefaultAndSize(path.data(), static_cast<Py_ssize_t>(path.size()));
  if (decoded == nullptr) throw pybind11::error_already_set();
  return pybind11::reinterpret_steal<pybind11::str>(decoded);
}

}  // namespace ipcbridge::python

namespace pybind11::detail {

template <>
struct type_caster<ipcbridge::python::Text> {
  PYBIND11_TYPE_CASTER(ipcbridge::python::Text, const_name("str"));

  bool load(handle source, bool) {
    if (!PyUnicode_Check(source.ptr())) return false;
    const auto encoded = reinterpret_steal<object>(PyUnicode_AsEncodedString(source.ptr(), "utf-8", "surrogatepass"));
    if (!encoded) throw error_already_set();
    value.assign(PyBytes_AS_STRING(encoded.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(encoded.ptr())));
    return true;
  }
};

template <>
struct type_caster<ipcbridge::python::Path> {
  PYBIND11_TYPE_CASTER(ipcbridge::python::Path, const_name("str"));

  bool load(handle source, bool) {
    if (!PyUnicode_Check(source.ptr())) return false;
    const auto encoded = reinterpret_steal<object>(PyUnicode_EncodeFSDefault(source.ptr()));
    if (!encoded) {
      PyErr_Clear();
      const auto shown = reinterpret_steal<str>(PyObject_ASCII(source.ptr()));
      ipcbridge::python::raise(ipcbridge::Code::kInvalidArgument,
                               shown.cast<std::string>() + " has a character that no name and no path can have here");
    }
    value.assign(PyBytes_AS_STRING(encoded.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(encoded.ptr())));
    return true;
  }
};

}  // namespace pybind11::detail
