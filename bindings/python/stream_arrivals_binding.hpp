#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// ipcbridge._native.StreamArrivals: StreamArrivals, to an event loop.
void bind_stream_arrivals(pybind11::module_& module);

}  // namespace ipcbridge::python
