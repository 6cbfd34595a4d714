#pragma once

#include <pybind11/pybind11.h>

#include "bindings/python/responder.hpp"
#include "core/workers/inbound_call.hpp"

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

// Runs a plain handler: decodes the arguments, calls it, encodes what it returns and answers the call. Where one of
// these raises, the answer is left to `failed(call, stage, error, result)`, whose answer is this one's. A new
// reference, otherwise None; null with an exception set if `failed` raises.
PyObject* answer_with(PyObject* call, PyObject* handler, PyObject* failed);

// The call that a handler on this thread is answering.
class CurrentCall {
 public:
  explicit CurrentCall(PyObject* call);
  // As every destructor on a handler's way, this one touches no Python: see PumpBinding.
  ~CurrentCall();
  CurrentCall(const CurrentCall&) = delete;
  CurrentCall& operator=(const CurrentCall&) = delete;

 private:
  PyObject* outer_;
};

// The same where the handler runs as a task, or on another thread, with the context that is current now. False with an
// exception set.
bool set_call_of_context(PyObject* call);

void add_inbound_call_type(pybind11::module_& module);

}  // namespace ipcbridge::python
