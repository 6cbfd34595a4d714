#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// A new coroutine that runs the one of an `async def` handler, and answers its call with what that returns. Where it
// raises, or returns what cannot be sent, the answer is left to `failed(call, stage, error, result)`: this one never
// raises. If it is dropped before its end, as a loop that is closed does, nothing is answered. Null with an exception
// set.
PyObject* new_handler_coroutine(PyObject* call, PyObject* coroutine, PyObject* failed);

// Whether it has answered.
bool has_ended(PyObject* handler_coroutine);

void add_handler_coroutine_type(pybind11::module_& module);

}  // namespace ipcbridge::python
