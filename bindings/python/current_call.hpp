#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// The call that a handler with the context that is current now is answering, also on other threads and in tasks that
// have a copy of it. False with an exception set.
bool set_call_of_context(PyObject* call);

// Whether there has been one in this process; note_call_served() says so. Under the GIL.
void note_call_served();
bool any_call_was_served();

// That which the calling handler is answering, or has answered: a new reference. Null outside of handlers.
PyObject* current_call();

void add_current_call(pybind11::module_& module);

}  // namespace ipcbridge::python
