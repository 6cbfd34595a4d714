#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// Adds the type Caller, a remote method as the blocking API calls it:
//   Caller(pump, client, method, name, options, hooks); options = (timeout_us, flags, metadata),
//   hooks = (encode_args, decode, error_of, describe, guard, drop); drop() hears of each
// notification that was not taken.
// Calling it encodes, calls, waits and decodes. A type of CPython's own API and not pybind11's, because
// pybind11's dispatch would cost as much as all the rest of a call.
void add_caller_type(pybind11::module_& module);

// How many event loops of this process serve: while there are any, a Caller asks its guard before it waits.
void set_loop_servers(int count);

}  // namespace ipcbridge::python
