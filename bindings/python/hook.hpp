#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// Adds keeping_interrupts(hook) and raise_interrupt().
//
// ormsgpack turns whatever its hooks raise into an error of its own, KeyboardInterrupt too. The function that
// keeping_interrupts makes of a hook keeps what is no Exception for its thread, and raise_interrupt raises it. In C++,
// because a signal is mostly noticed where a function of Python's begins, before any `try` of its own.
void add_hook_functions(pybind11::module_& module);

}  // namespace ipcbridge::python
