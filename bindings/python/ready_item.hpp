#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// Gives a stream's next item, which was there: a new reference, or null with an exception set.
using TakeItem = PyObject* (*)(PyObject* stream);

// An awaitable of that item. Awaiting it suspends nobody, and only then is the item taken: whoever is cancelled before
// leaves it for the next reader. Null with an exception set.
PyObject* new_ready_item(PyObject* stream, TakeItem take);

void add_ready_item_type();

}  // namespace ipcbridge::python
