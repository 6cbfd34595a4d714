#include "bindings/python/handlers.hpp"

#include <new>
#include <utility>
#include <vector>

#include "bindings/python/answer.hpp"
#include "bindings/python/current_call.hpp"
#include "bindings/python/inbound_call_object.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/references.hpp"
#include "bindings/python/stream_producer.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

enum Item : Py_ssize_t { kServer, kName, kHandler, kOtherwise, kItems };

bool call_handler(PyObject* call, PyObject* method) {
  PyObject* handler = PyTuple_GET_ITEM(method, kHandler);
  PyObject* otherwise = PyTuple_GET_ITEM(method, kOtherwise);
  if (!set_call_of_context(call)) return false;
  return succeeded(handler == Py_None ? PyObject_CallOneArg(otherwise, call) : answer_with(call, handler, otherwise));
}

// So that what a handler sets in a ContextVar is gone with its call. The copy shares everything until then.
bool enter_context(PyObject* context, const HandlerContext& begin) {
  if (PyContext_Enter(context) != 0) return false;
  if (begin.before == Py_None || succeeded(PyObject_CallNoArgs(begin.before))) return true;
  PyContext_Exit(context);
  return false;
}

bool call_in_context(PyObject* context, PyObject* call, PyObject* method) {
  const bool handled = call_handler(call, method);
  return PyContext_Exit(context) == 0 && handled;
}

// What is raised stays so.
void refuse(Responder& responder, const RequestKey& key, Code code, const char* why) {
  const RaisedAside aside;
  try {
    responder.reply_error(key, code, why, {});
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): its caller waits for its timeout
  } catch (py::error_already_set& error) {
    error.discard_as_unraisable("ipcbridge");
  }
}

}  // namespace

void check_handlers(const Handlers& handlers) {
  for (const py::handle method : handlers) {
    if (PyTuple_CheckExact(method.ptr()) == 0 || PyTuple_GET_SIZE(method.ptr()) != kItems) {
      throw py::type_error("handlers are tuples of a server, a name, a handler or None, and what is called otherwise");
    }
  }
}

std::vector<bool> plain_methods(const Handlers& handlers) {
  std::vector<bool> plain;
  for (const py::handle method : handlers) plain.push_back(PyTuple_GET_ITEM(method.ptr(), kHandler) != Py_None);
  return plain;
}

// No destructor here touches Python: see BlockingDriverBinding.
bool handle(Responder& responder, PyObject* driver, InboundCall& call, PyObject* handlers,
            const HandlerContext& begin) {
  if (call.resumes) return resume_stream(responder, call.key);
  if (call.reference != 0) handlers = reference_handlers(responder);
  const std::uint32_t place = call.reference == 0 ? call.method : 0;
  if (handlers == nullptr || place >= static_cast<std::size_t>(PyList_GET_SIZE(handlers))) {
    responder.reply_error(call.key, Code::kUnimplemented, "no such method", {});
    return true;
  }
  PyObject* method = PyList_GET_ITEM(handlers, static_cast<Py_ssize_t>(place));
  Py_INCREF(method);  // the service may end meanwhile
  const RequestKey key = call.key;
  PyObject* object = new_inbound_call(
      std::move(call), {&responder, driver, PyTuple_GET_ITEM(method, kServer), PyTuple_GET_ITEM(method, kName)});
  PyObject* context = begin.context == nullptr ? PyContext_CopyCurrent() : PyContext_Copy(begin.context);
  bool goes_on = true;
  if (object == nullptr || context == nullptr) {
    PyErr_Clear();
    refuse(responder, key, Code::kResourceExhausted, kOutOfMemory);
  } else if (!enter_context(context, begin)) {
    goes_on = false;
    refuse(responder, key, Code::kInternal, "the service could not begin the call");
  } else {
    goes_on = call_in_context(context, object, method);
  }
  Py_XDECREF(context);
  Py_XDECREF(object);
  Py_DECREF(method);
  return goes_on;
}

}  // namespace ipcbridge::python
