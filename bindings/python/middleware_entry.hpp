#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// ipcbridge._native.MiddlewareEntry: a method with middleware around it, to be derived from. Calling it sends a
// MiddlewareCall through the steps. A subclass has what such calls ask of their entry, and on the calling side
//   failed(error), which returns what is returned in place of an error, or None where that goes on, and
//   ended(result), which makes what is returned of a result that is not of `result_type`;
// _begin(first, serves, loop_caller, result_type) begins it: with its first step, whether it handles calls that arrive,
// the caller of an event loop on which alone it may be called, and the type of what is returned as it is. None: it may
// be called anywhere; everything is returned as it is.
void add_middleware_entry_type(pybind11::module_& module);

// Calls a handler of any kind with the arguments of a call that is served, which an entry need not look for then.
PyObject* call_serving(PyObject* handler, PyObject* served, PyObject* args, PyObject* kwargs);

}  // namespace ipcbridge::python
