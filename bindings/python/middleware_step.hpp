#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// What comes next for a call: a middleware and what comes after it, or the last, which takes the call's arguments. As
// a callable it is the `next` that the middleware before it is given.
//
//   MiddlewareStep(place, function, following, make_awaitable, expect_repeatable)
// `place`: how many steps are before it. `following`: the step after a middleware; None: this is the last.
// `make_awaitable`: None, or makes what next(call) gives of a result that is not to be awaited.
// `expect_repeatable(call)` raises where next() may not be called again.
//
// A last step of the calling side leaves a call whose metadata have been looked at to its entry:
// send_with_metadata(call).
//
// A type of CPython's own API, as that of the calls: closures in Python cost as much as a call.
bool is_middleware_step(PyObject* object);

// Has a call take the step: a new reference, or null with an exception set.
PyObject* take_step(PyObject* step, PyObject* call);

void add_middleware_step_type(pybind11::module_& module);

}  // namespace ipcbridge::python
