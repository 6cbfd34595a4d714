#pragma once

#include <pybind11/pybind11.h>

#include "core/workers/stream_queue.hpp"

namespace ipcbridge::python {

// Sets the exception of a stream that has ended by an error. `keeper`: the Caller whose result it is of, which the
// error names; or else some object that is none, or null.
void set_stream_error(const StreamEnd& end, PyObject* keeper);

// ipcbridge._client.outcome.stream_failed: ends a stream among the arguments of a call. Borrowed.
PyObject* stream_failed();

void add_stream_errors(pybind11::module_& module);

}  // namespace ipcbridge::python
