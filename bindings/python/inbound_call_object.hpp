#pragma once

#include <cstdint>

#include <pybind11/pybind11.h>

#include "bindings/python/responder.hpp"
#include "bindings/python/values/encoder.hpp"
#include "core/endpoint/inbound_call.hpp"

namespace ipcbridge::python {

// Who serves a call, for as long as its object lives.
struct CallOrigin {
  Responder* responder;
  PyObject* driver;  // the object that the responder belongs to
  PyObject* server;  // the Python object of the service
  PyObject* method;  // its name
};

// Made by PyObject_GC_New, which runs no constructor.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
struct InboundCallObject {
  PyObject_HEAD Responder* responder;
  PyObject* driver;  // keeps the responder alive
  PyObject* server;  // null once the call has been answered: what its handler has left behind is nobody's
  PyObject* method;
  PyObject* passed_on;  // what Python keeps with it; or null
  bool is_cancelled;
  std::uint32_t open_streams;  // with which it was answered
  InboundCall call;
};

inline InboundCallObject* fields_of(PyObject* call) { return reinterpret_cast<InboundCallObject*>(call); }

// It has been answered, and the streams of its result are over.
inline void end_call_of(InboundCallObject* call) { Py_CLEAR(call->server); }

// A new ipcbridge._native.InboundCall, or null with an exception set.
PyObject* new_inbound_call(InboundCall&& call, const CallOrigin& origin);

// Which server's call it is.
ServerId server_of(PyObject* call);

// The streams with which a call was answered are over. `call` may be None, of a stream of another kind.
void end_call(PyObject* call);
// Nobody reads them any more.
void note_cancelled(PyObject* call);

const InboundCall& inbound_call_of(PyObject* call);

// Also the streams of its result are over: nobody waits for it any more.
bool is_answered(PyObject* call);
// It has been answered with streams, some of which are not over.
bool has_open_streams(PyObject* call);

PyTypeObject* inbound_call_type();

void add_inbound_call_type(pybind11::module_& module);

// Of a result of the call: throws CodecError.
Attachments place_attachments(Encoder& encoder, InboundCallObject* call);

}  // namespace ipcbridge::python
