#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// ipcbridge._native.HandlerPool(most_threads): the plain calls of a server on an asyncio loop, and the threads that run
// them.
void bind_handler_pool(pybind11::module_& module);

}  // namespace ipcbridge::python
