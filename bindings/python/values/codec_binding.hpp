#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// Adds encode_result(value, root), encode_args(args, kwargs), decode(data), decode_args(data), and the limits that
// tests and documentation name. Plain functions of CPython's API, because pybind11's dispatch costs more than a short
// value.
void add_value_codec(pybind11::module_& module);

}  // namespace ipcbridge::python
