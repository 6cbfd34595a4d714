#include "bindings/python/handler_coroutine.hpp"

#include "bindings/python/answer.hpp"
#include "bindings/python/inbound_call_object.hpp"
#include "bindings/python/objects.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

struct HandlerCoroutine {
  PyObject_HEAD PyObject* call;
  PyObject* coroutine;  // the handler's; when it has ended, only to be shown
  PyObject* failed;
  bool has_ended;
};

PyTypeObject* type_of_coroutines = nullptr;

HandlerCoroutine* self_of(PyObject* object) { return reinterpret_cast<HandlerCoroutine*>(object); }

enum class Step { kYielded, kReturned, kRaised };

// What a StopIteration that is set was raised with, or null with another exception set.
PyObject* take_stop_value() {
  if (PyErr_ExceptionMatches(PyExc_StopIteration) == 0) return nullptr;
  PyObject* type = nullptr;
  PyObject* error = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &error, &traceback);
  PyErr_NormalizeException(&type, &error, &traceback);
  PyObject* value = PyObject_GetAttrString(error, "value");
  Py_XDECREF(type);
  Py_XDECREF(error);
  Py_XDECREF(traceback);
  return value;
}

Step step_of(PyObject* yielded, PyObject*& result) {
  result = yielded;
  if (yielded != nullptr) return Step::kYielded;
  result = take_stop_value();
  return result == nullptr ? Step::kRaised : Step::kReturned;
}

Step resume(PyObject* coroutine, PyObject* value, PyObject*& result) {
#if PY_VERSION_HEX >= 0x030A0000
  switch (PyIter_Send(coroutine, value, &result)) {
    case PYGEN_NEXT:
      return Step::kYielded;
    case PYGEN_RETURN:
      return Step::kReturned;
    default:
      return Step::kRaised;
  }
#else
  static PyObject* const kSend = PyUnicode_InternFromString("send");
  return step_of(PyObject_CallMethodOneArg(coroutine, kSend, value), result);
#endif
}

// Answers the call. False with an exception set, which only the callback can have raised.
bool end(HandlerCoroutine* self, PyObject* returned) {
  self->has_ended = true;
  PyObject* outcome = returned == nullptr ? answer_with_error(self->call, Stage::kHandler, nullptr, self->failed)
                                          : answer_with_result(self->call, returned, self->failed);
  Py_XDECREF(returned);
  Py_XDECREF(outcome);
  return outcome != nullptr;
}

// After a step: what the coroutine waits for, or None once it has ended; then `ended` is true. Null with an exception
// set.
PyObject* go_on(HandlerCoroutine* self, Step step, PyObject* result, bool& ended) {
  ended = step != Step::kYielded;
  if (!ended) return result;
  if (!end(self, step == Step::kReturned ? result : nullptr)) return nullptr;
  return new_reference(Py_None);
}

PyObject* send_value(HandlerCoroutine* self, PyObject* value, bool& ended) {
  ended = false;
  if (self->has_ended) {
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return nullptr;
  }
  PyObject* coroutine = new_reference(self->coroutine);
  PyObject* result = nullptr;
  const Step step = resume(coroutine, value, result);
  Py_DECREF(coroutine);
  return go_on(self, step, result, ended);
}

// A coroutine's methods return what it waits for, and raise StopIteration at its end.
PyObject* stop_if(bool ended, PyObject* result) {
  if (!ended || result == nullptr) return result;
  Py_DECREF(result);
  PyErr_SetNone(PyExc_StopIteration);
  return nullptr;
}

PyObject* send(PyObject* object, PyObject* value) {
  bool ended = false;
  PyObject* result = send_value(self_of(object), value, ended);
  return stop_if(ended, result);
}

PyObject* next(PyObject* object) { return send(object, Py_None); }

#if PY_VERSION_HEX >= 0x030A0000
PySendResult am_send(PyObject* object, PyObject* value, PyObject** result) {
  bool ended = false;
  *result = send_value(self_of(object), value, ended);
  if (*result == nullptr) return PYGEN_ERROR;
  return ended ? PYGEN_RETURN : PYGEN_NEXT;
}
#endif

PyObject* throw_into(PyObject* object, PyObject* args) {
  HandlerCoroutine* self = self_of(object);
  if (self->has_ended) {
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return nullptr;
  }
  PyObject* method = PyObject_GetAttrString(self->coroutine, "throw");
  if (method == nullptr) return nullptr;
  PyObject* result = nullptr;
  const Step step = step_of(PyObject_Call(method, args, nullptr), result);
  Py_DECREF(method);
  bool ended = false;
  PyObject* waited_for = go_on(self, step, result, ended);
  return stop_if(ended, waited_for);
}

PyObject* close(PyObject* object, PyObject* /*unused*/) {
  HandlerCoroutine* self = self_of(object);
  if (self->has_ended) Py_RETURN_NONE;
  self->has_ended = true;
  return PyObject_CallMethod(self->coroutine, "close", nullptr);
}

PyObject* await(PyObject* object) { return new_reference(object); }

// What debuggers and repr() ask a coroutine for is told of the handler's.
PyObject* get_attribute(PyObject* object, PyObject* name) {
  PyObject* found = PyObject_GenericGetAttr(object, name);
  PyObject* coroutine = self_of(object)->coroutine;
  if (found != nullptr || coroutine == nullptr || PyErr_ExceptionMatches(PyExc_AttributeError) == 0) return found;
  PyErr_Clear();
  return PyObject_GetAttr(coroutine, name);
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  HandlerCoroutine* self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->call);
  Py_VISIT(self->coroutine);
  Py_VISIT(self->failed);
  return 0;
}

int clear(PyObject* object) {
  self_of(object)->has_ended = true;
  Py_CLEAR(self_of(object)->coroutine);
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  HandlerCoroutine* self = self_of(object);
  Py_XDECREF(self->coroutine);
  Py_DECREF(self->call);
  Py_DECREF(self->failed);
  type->tp_free(object);
  Py_DECREF(type);
}

PyObject* make(PyTypeObject* /*type*/, PyObject* args, PyObject* /*kwargs*/) {
  PyObject* call = nullptr;
  PyObject* coroutine = nullptr;
  PyObject* failed = nullptr;
  if (PyArg_ParseTuple(args, "O!OO:HandlerCoroutine", inbound_call_type(), &call, &coroutine, &failed) == 0) {
    return nullptr;
  }
  return new_handler_coroutine(call, coroutine, failed);
}

PyMethodDef methods[] = {
    {"send", &send, METH_O, nullptr},
    {"throw", &throw_into, METH_VARARGS, nullptr},
    {"close", &close, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, slot(&make)},
    {Py_tp_dealloc, slot(&dealloc)},
    {Py_tp_traverse, slot(&traverse)},
    {Py_tp_clear, slot(&clear)},
    {Py_tp_getattro, slot(&get_attribute)},
    {Py_tp_iter, slot(&await)},
    {Py_tp_iternext, slot(&next)},
    {Py_tp_methods, methods},
    {Py_am_await, slot(&await)},
#if PY_VERSION_HEX >= 0x030A0000
    {Py_am_send, slot(&am_send)},
#endif
    {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge._native.HandlerCoroutine",
    static_cast<int>(sizeof(HandlerCoroutine)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    slots,
};

}  // namespace

PyObject* new_handler_coroutine(PyObject* call, PyObject* coroutine, PyObject* failed) {
  HandlerCoroutine* self = PyObject_GC_New(HandlerCoroutine, type_of_coroutines);
  if (self == nullptr) return nullptr;
  self->call = new_reference(call);
  self->coroutine = new_reference(coroutine);
  self->failed = new_reference(failed);
  self->has_ended = false;
  auto* object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  return object;
}

bool has_ended(PyObject* handler_coroutine) { return self_of(handler_coroutine)->has_ended; }

void add_handler_coroutine_type(py::module_& module) {
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  type_of_coroutines = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  module.attr("HandlerCoroutine") = type;
}

}  // namespace ipcbridge::python
