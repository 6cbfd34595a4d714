#include "bindings/python/submitted_call_object.hpp"

#include <structmember.h>

#include <cstddef>
#include <new>
#include <utility>

#include "bindings/python/objects.hpp"
#include "bindings/python/submitted_call.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// The states of concurrent.futures.
PyObject* pending = nullptr;
PyObject* running = nullptr;
PyObject* finished = nullptr;

PyObject* type_of_futures = nullptr;  // what submit() returns

void set_up(PyObject* object) {
  SubmittedCallObject* self = submitted_call_of(object);
  new (&self->limits) StreamLimits();
  new (&self->arguments) std::shared_ptr<AwaitedArguments>();
  new (&self->call) DriverCall();
  self->call.object = object;
  self->state = new_reference(pending);
}

PyObject* make(PyTypeObject* type, PyObject* /*args*/, PyObject* /*kwargs*/) {
  PyObject* object = type->tp_alloc(type, 0);
  if (object != nullptr) set_up(object);
  return object;
}

// Instead of that of concurrent.futures, which makes a condition.
int init(PyObject* /*object*/, PyObject* /*args*/, PyObject* /*kwargs*/) { return 0; }

int traverse(PyObject* object, visitproc visit, void* arg) {
  const SubmittedCallObject* self = submitted_call_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->caller);
  Py_VISIT(self->result);
  Py_VISIT(self->exception);
  Py_VISIT(self->condition);
  Py_VISIT(self->waiters);
  Py_VISIT(self->done_callbacks);
  return 0;
}

// Not the caller, which the driver needs for as long as it knows the call.
int clear(PyObject* object) {
  SubmittedCallObject* self = submitted_call_of(object);
  Py_CLEAR(self->result);
  Py_CLEAR(self->exception);
  Py_CLEAR(self->condition);
  Py_CLEAR(self->waiters);
  Py_CLEAR(self->done_callbacks);
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  SubmittedCallObject* self = submitted_call_of(object);
  PyObject_GC_UnTrack(object);
  clear(object);
  Py_XDECREF(self->caller);
  Py_XDECREF(self->state);
  self->call.~DriverCall();
  self->arguments.~shared_ptr();
  type->tp_free(object);
  Py_DECREF(type);
}

// Making a condition runs Python, so that another thread may be first.
PyObject* made_once(PyObject*& place, PyObject* (*make)()) {
  if (place == nullptr) {
    PyObject* made = make();
    if (made == nullptr) return nullptr;
    if (place == nullptr) {
      place = made;
    } else {
      Py_DECREF(made);
    }
  }
  return new_reference(place);
}

PyObject* new_list() { return PyList_New(0); }

// Of a module that takes long to import.
PyObject* new_condition() {
  PyObject* threading = PyImport_ImportModule("threading");
  PyObject* made = threading == nullptr ? nullptr : PyObject_CallMethod(threading, "Condition", nullptr);
  Py_XDECREF(threading);
  return made;
}

PyObject* get_condition(PyObject* object, void* /*closure*/) {
  return made_once(submitted_call_of(object)->condition, &new_condition);
}

PyObject* get_waiters(PyObject* object, void* /*closure*/) {
  return made_once(submitted_call_of(object)->waiters, &new_list);
}

PyObject* get_done_callbacks(PyObject* object, void* /*closure*/) {
  return made_once(submitted_call_of(object)->done_callbacks, &new_list);
}

PyObject* done(PyObject* object, PyObject* /*unused*/) { return PyBool_FromLong(is_over(submitted_call_of(object))); }

PyMethodDef methods[] = {
    {"done", &done, METH_NOARGS, "Whether it has ended, with whatever result, or was cancelled."},
    {"_withdraw", &withdraw_submitted, METH_NOARGS, "Whether nobody had taken the answer: the callee is then told."},
    {"_read", &read_submitted, METH_O,
     "Waits for the answer, so many microseconds, and ends what futures it finds answered."},
    {"_end_arguments", &end_arguments_of_submitted, METH_NOARGS,
     "Does what the call has asked of its arguments before it was answered, and ends them. On the loop that awaits "
     "it."},
    {nullptr, nullptr, 0, nullptr},
};

PyMemberDef members[] = {
    {"_state", T_OBJECT_EX, offsetof(FutureFields, state), 0, nullptr},
    {"_result", T_OBJECT, offsetof(FutureFields, result), 0, nullptr},
    {"_exception", T_OBJECT, offsetof(FutureFields, exception), 0, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyObject* get_has_arguments(PyObject* object, void* /*closure*/) {
  return PyBool_FromLong(submitted_call_of(object)->arguments != nullptr ? 1 : 0);
}

PyGetSetDef properties[] = {
    {"_has_arguments", &get_has_arguments, nullptr, "Whether _end_arguments() is to be called at its end.", nullptr},
    {"_condition", &get_condition, nullptr, nullptr, nullptr},
    {"_waiters", &get_waiters, nullptr, nullptr, nullptr},
    {"_done_callbacks", &get_done_callbacks, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, slot(&make)},          {Py_tp_init, slot(&init)},   {Py_tp_dealloc, slot(&dealloc)},
    {Py_tp_traverse, slot(&traverse)}, {Py_tp_clear, slot(&clear)}, {Py_tp_methods, methods},
    {Py_tp_members, members},          {Py_tp_getset, properties},  {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge._native.SubmittedCall",
    static_cast<int>(sizeof(SubmittedCallObject)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    slots,
};

PyObject* use_future_type(PyObject* /*module*/, PyObject* type) {
  Py_XDECREF(std::exchange(type_of_futures, new_reference(type)));
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"use_future_type", &use_future_type, METH_O, "What submit() returns: a class of SubmittedCalls."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

SubmittedCallObject* new_submitted_call(PyObject* caller) {
  PyObject* object = make(reinterpret_cast<PyTypeObject*>(type_of_futures), nullptr, nullptr);
  if (object == nullptr) return nullptr;
  SubmittedCallObject* self = submitted_call_of(object);
  self->caller = new_reference(caller);
  return self;
}

bool finish_unwatched(SubmittedCallObject* self, PyObject* value) {
  if (self->condition != nullptr || self->state != pending) return false;
  Py_XDECREF(std::exchange(self->result, new_reference(value)));
  Py_DECREF(std::exchange(self->state, new_reference(finished)));
  return true;
}

// Any other state is an end: concurrent.futures has two that say cancelled.
bool is_over(const SubmittedCallObject* self) { return self->state != pending && self->state != running; }

void add_submitted_call_type(py::module_& module) {
  pending = PyUnicode_InternFromString("PENDING");
  running = PyUnicode_InternFromString("RUNNING");
  finished = PyUnicode_InternFromString("FINISHED");
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  module.attr("SubmittedCall") = type;
  if (PyModule_AddFunctions(module.ptr(), functions) != 0) throw py::error_already_set();
}

}  // namespace ipcbridge::python
