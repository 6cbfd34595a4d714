#pragma once

#include <cstdint>

#include <pybind11/pybind11.h>

#include "bindings/python/responder.hpp"
#include "core/endpoint/inbound_call.hpp"

namespace ipcbridge::python {

// Who serves a call, for as long as its object lives.
struct CallOrigin {
  Responder* responder;
  PyObject* driver;  // the object that the responder belongs to
  PyObject* server;  // the Python object of the service
  PyObject* method;  // its name
};

// A new ipcbridge._native.InboundCall, or null with an exception set.
PyObject* new_inbound_call(InboundCall&& call, const CallOrigin& origin);

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

// Which server's call it is.
ServerId server_of(PyObject* call);

// The streams with which a call was answered are over. `call` may be None, of a stream of another kind.
void end_call(PyObject* call);
// Nobody reads them any more.
void note_cancelled(PyObject* call);

// Answers with a result: None, unless it cannot be sent; then as answer_with_error() does.
PyObject* answer_with_result(PyObject* call, PyObject* result, PyObject* failed);

// Runs a plain handler, and answers with what it returns: None, unless something raises; then as answer_with_error()
// does.
PyObject* answer_with(PyObject* call, PyObject* handler, PyObject* failed);

// The call that a handler with the context that is current now is answering, also on other threads and in tasks that
// have a copy of it. False with an exception set.
bool set_call_of_context(PyObject* call);

// Whether there has been one in this process.
bool any_call_was_served();

// That which the calling handler is answering, or has answered: a new reference. Null outside of handlers.
PyObject* current_call();

const InboundCall& inbound_call_of(PyObject* call);

// Also the streams of its result are over: nobody waits for it any more.
bool is_answered(PyObject* call);
// It has been answered with streams, some of which are not over.
bool has_open_streams(PyObject* call);

PyTypeObject* inbound_call_type();

void add_inbound_call_type(pybind11::module_& module);

}  // namespace ipcbridge::python
