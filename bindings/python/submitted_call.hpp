#pragma once

#include <pybind11/pybind11.h>

#include "bindings/python/blocking_driver_binding.hpp"

namespace ipcbridge::python {

// How a call is made whose answer ends a future: see CallOptions.flags in ipcbridge._options.
inline constexpr unsigned kSubmitFlag = 1U << 16;
// And a task of the event loop of `async def` handlers awaits it: it may pass what needs one.
inline constexpr unsigned kOnLoopFlag = 1U << 18;

// The vectorcall function of such a method: a new concurrent.futures.Future.
PyObject* call_and_submit(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names);

// Ends the futures of answered calls that no thread waits for, until the driver ends. For a thread of its own.
void collect_answers(BlockingDriverBinding& binding);

// Methods of ipcbridge._native.SubmittedCall.
PyObject* withdraw_submitted(PyObject* object, PyObject* unused);
PyObject* read_submitted(PyObject* object, PyObject* most_us);
PyObject* end_arguments_of_submitted(PyObject* object, PyObject* unused);

}  // namespace ipcbridge::python
