#pragma once

#include <cstdint>

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// How handlers are called and their calls answered: InboundCall objects, which `call` is everywhere.

// What of a call has raised. ipcbridge._serve.service has the same numbers.
// kItem: an item of a stream cannot be sent, kAsyncStream: nothing has raised, a task is to make a stream's items; both
// with the stream's producer in place of a result.
enum class Stage : std::uint8_t { kArguments, kHandler, kResult, kItem, kAsyncStream };

// Calls a handler with the call's arguments: what it returns, or null with an exception set; then `stage` says whose.
PyObject* call_handler(PyObject* call, PyObject* handler, Stage& stage);

// Leaves the answer to `failed(call, stage, error, result)`, with the exception that is set: a new reference to what it
// returns, null with an exception set if it raises.
PyObject* answer_with_error(PyObject* call, Stage stage, PyObject* result, PyObject* failed);

// The same without an exception.
PyObject* answer_with_stage(PyObject* call, Stage stage, PyObject* result, PyObject* failed);

// Answers with a result: None, unless it cannot be sent; then as answer_with_error() does.
PyObject* answer_with_result(PyObject* call, PyObject* result, PyObject* failed);

// Runs a plain handler, and answers with what it returns: None, unless something raises; then as answer_with_error()
// does.
PyObject* answer_with(PyObject* call, PyObject* handler, PyObject* failed);

}  // namespace ipcbridge::python
