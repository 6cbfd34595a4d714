#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// A source is what a stream is made of: a generator or another iterator, or an `ipc.stream`, which tells of one.

// What is iterated over, and whether that is asynchronous. Null with an exception set.
PyObject* iterator_of(PyObject* source, bool& is_async);

// Its items have been sent, or a generator has ended: another reader would find none.
bool is_used_up(PyObject* source);
// From now on it is.
void use_up(PyObject* source);

// Whether a task has to make the items. -1 with an exception set.
int is_async_source(PyObject* source);

// Of a stream that will not begin, or go on: its `close`. What that raises is reported, not raised.
void close_source(PyObject* source);

}  // namespace ipcbridge::python
