#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// An awaitable whose result is there: awaiting it suspends nobody. Takes over the reference; null with an exception
// set.
PyObject* new_ready_item(PyObject* item);

void add_ready_item_type();

}  // namespace ipcbridge::python
