#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// Whether it is a stream that has been received, by a blocking caller or on an event loop.
bool is_received_stream(PyObject* value);
bool is_loop_stream(PyObject* value);

// Whether it is a method of a service, or a function of a peer's.
bool is_remote_method(PyObject* value);

}  // namespace ipcbridge::python
