#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// Adds scan_value(data) and scan_arguments(data) of msgpack_scan.hpp, and what they answer: PLAIN, EXTENDED,
// KEYWORDS and TOO_LARGE; 0 for bytes that are refused. And MAX_WEIGHT, beyond which bytes are TOO_LARGE. Plain
// functions of CPython's API and not pybind11's, because pybind11's dispatch would cost more than a short scan.
void add_msgpack_scanners(pybind11::module_& module);

}  // namespace ipcbridge::python
