#pragma once

#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/responder.hpp"
#include "core/endpoint/inbound_call.hpp"

namespace ipcbridge::python {

// How a service's calls are handled: a list with a tuple for each method, in the order of their numbers.
//   (server, name, handler, failed): a plain handler is called where the call was read, and answers: see answer_with()
//   (server, name, None, start): start(call) sees to it that the call is answered
// Lists and tuples, so that the garbage collector sees what refers to what.
using Handlers = pybind11::list;

// Raises for what is no such list.
void check_handlers(const Handlers& handlers);

// Which methods have plain handlers.
std::vector<bool> plain_methods(const Handlers& handlers);

// Where a service's handlers begin: in a copy of this context (null: of the current one), in which `before()` is called
// first unless it is None.
struct HandlerContext {
  PyObject* context = nullptr;
  PyObject* before = Py_None;
};

// Handles a call. `driver` is the object of the responder. False with an exception set: one that ends the caller's
// work.
bool handle(Responder& responder, PyObject* driver, InboundCall& call, PyObject* handlers, const HandlerContext& begin);

}  // namespace ipcbridge::python
