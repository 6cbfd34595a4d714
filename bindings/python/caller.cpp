#include "bindings/python/caller.hpp"

#include <structmember.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>

#include "bindings/python/blocking_driver_binding.hpp"
#include "bindings/python/bytes.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/interrupt.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/options.hpp"
#include "bindings/python/stream_types.hpp"
#include "bindings/python/submitted_call.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/decoder.hpp"
#include "bindings/python/values/encoder.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyTypeObject* type_of_callers = nullptr;

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* /*kwargs*/) {
  PyObject* target = nullptr;
  PyObject* name = nullptr;
  PyObject* metadata = nullptr;
  PyObject* callbacks[4] = {};
  unsigned client = 0;
  unsigned method = 0;
  long long timeout_us = 0;
  long long idle_timeout_us = 0;
  unsigned flags = 0;
  unsigned long long reference_on = 0;
  unsigned long long reference = 0;
  PyObject* renew = nullptr;
  if (PyArg_ParseTuple(args, "OIIU(LISL)(OOOO)|KKO:Caller", &target, &client, &method, &name, &timeout_us, &flags,
                       &metadata, &idle_timeout_us, &callbacks[0], &callbacks[1], &callbacks[2], &callbacks[3],
                       &reference_on, &reference, &renew) == 0) {
    return nullptr;
  }
  const py::handle driver(target);
  const bool is_blocking = py::isinstance<BlockingDriverBinding>(driver);
  if (!is_blocking && !py::isinstance<DriverBinding>(driver)) {
    PyErr_SetString(PyExc_TypeError, "Caller needs a BlockingDriver or a Driver");
    return nullptr;
  }
  PyObject* object = type->tp_alloc(type, 0);
  if (object == nullptr) return nullptr;
  Caller* self = caller_of(object);
  self->vectorcall = !is_blocking ? &call_on_loop : (flags & kSubmitFlag) != 0 ? &call_and_submit : &call_and_wait;
  self->driver_object = new_reference(target);
  self->blocking_driver = is_blocking ? driver.cast<BlockingDriverBinding*>() : nullptr;
  self->loop_driver = is_blocking ? nullptr : driver.cast<DriverBinding*>();
  self->client = client;
  self->method = method;
  self->reference = reference;
  self->reference_on = reference_on;
  self->timeout_us = timeout_us;
  self->idle_timeout_us = idle_timeout_us;
  self->flags = flags;
  self->name = new_reference(name);
  self->metadata = new_reference(metadata);
  self->describe = new_reference(callbacks[0]);
  self->guard = new_reference(callbacks[1]);
  self->drop = new_reference(callbacks[2]);
  self->otherwise = new_reference(callbacks[3]);
  self->renew = renew == nullptr || renew == Py_None ? nullptr : new_reference(renew);
  return object;
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  Caller* self = caller_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->driver_object);
  Py_VISIT(self->describe);
  Py_VISIT(self->guard);
  Py_VISIT(self->drop);
  Py_VISIT(self->otherwise);
  Py_VISIT(self->renew);
  return 0;
}

int clear(PyObject* object) {
  Caller* self = caller_of(object);
  // Nothing is dropped that a call in progress needs; the cycles lead through these two.
  Py_CLEAR(self->describe);
  Py_CLEAR(self->guard);
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  Caller* self = caller_of(object);
  if (self->weak_references != nullptr) PyObject_ClearWeakRefs(object);
  for (PyObject* held : {self->driver_object, self->name, self->metadata, self->describe, self->guard, self->drop,
                         self->otherwise, self->renew}) {
    Py_XDECREF(held);
  }
  type->tp_free(object);
  Py_DECREF(type);
}

// describe(name) -> (doc, signature), or AttributeError for what is not known.
PyObject* described(PyObject* object, Py_ssize_t which) {
  Caller* self = caller_of(object);
  PyObject* pair = PyObject_CallOneArg(self->describe, self->name);
  if (pair == nullptr) return nullptr;
  PyObject* item = PySequence_GetItem(pair, which);
  Py_DECREF(pair);
  return item;
}

PyObject* get_doc(PyObject* object, void* /*unused*/) { return described(object, 0); }

PyObject* get_signature(PyObject* object, void* /*unused*/) {
  PyObject* signature = described(object, 1);
  if (signature != Py_None) return signature;
  Py_DECREF(signature);
  PyErr_SetString(PyExc_AttributeError, "__signature__");
  return nullptr;
}

PyObject* get_name(PyObject* object, void* /*unused*/) {
  PyObject* name = caller_of(object)->name;
  const Py_ssize_t size = PyUnicode_GET_LENGTH(name);
  const Py_ssize_t dot = PyUnicode_FindChar(name, '.', 0, size, -1);
  return PyUnicode_Substring(name, dot + 1, size);
}

// A descriptor, so that inspect and help() take it for a routine; it binds nothing.
PyObject* bind(PyObject* object, PyObject* /*instance*/, PyObject* /*owner*/) {
  Py_INCREF(object);
  return object;
}

PyObject* represent(PyObject* object) { return PyUnicode_FromFormat("<remote method %U>", caller_of(object)->name); }

PyObject* refuse_to_pickle(PyObject* /*object*/, PyObject* /*unused*/) {
  return PyErr_Format(
      PyExc_TypeError,
      "a remote method cannot be pickled or copied: connect where it is needed, or pass it by reference");
}

PyMethodDef methods[] = {
    {"__reduce__", &refuse_to_pickle, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef properties[] = {
    {"__doc__", &get_doc, nullptr, nullptr, nullptr},
    {"__signature__", &get_signature, nullptr, nullptr, nullptr},
    {"__name__", &get_name, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Caller, vectorcall), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Caller, weak_references), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, slot(&make)},
    {Py_tp_call, slot(&PyVectorcall_Call)},
    {Py_tp_dealloc, slot(&dealloc)},
    {Py_tp_traverse, slot(&traverse)},
    {Py_tp_clear, slot(&clear)},
    {Py_tp_descr_get, slot(&bind)},
    {Py_tp_repr, slot(&represent)},
    {Py_tp_getset, properties},
    {Py_tp_members, members},
    {Py_tp_methods, methods},
    {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge._native.Caller",
    static_cast<int>(sizeof(Caller)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    slots,
};

}  // namespace

bool is_remote_method(PyObject* value) { return Py_TYPE(value) == type_of_callers; }

// False with an exception set.
bool encode_call(Encoder& encoder, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  PyObject* keywords = named == 0 ? nullptr : PyDict_New();
  if (named > 0 && keywords == nullptr) return false;
  bool complete = true;
  for (Py_ssize_t i = 0; complete && i < named; ++i) {
    complete = PyDict_SetItem(keywords, PyTuple_GET_ITEM(names, i), args[count + i]) == 0;
  }
  const char* root = "args";
  complete = complete && with_codec_errors(root, [&] {
               encoder.put_arguments(args, count, named > 0);
               root = "kwargs";
               if (named > 0) encoder.put_keywords(keywords);
               return true;
             });
  Py_XDECREF(keywords);
  return complete;
}

bool place_attachments(Encoder& encoder, const Caller* caller, Driver& driver, Attachments& placed) {
  const char* const root = "args";
  return with_codec_errors(root, [&] {
    const bool to_reference = caller->reference_on != 0;
    placed = encoder.place_attachments(to_reference ? driver.allocator_for(caller->reference_on)
                                                    : driver.allocator(caller->client));
    return true;
  });
}

bool is_caller(PyObject* object) { return object != nullptr && Py_TYPE(object) == type_of_callers; }

namespace {

void take_over(Caller* caller, const Caller* fresh) {
  caller->blocking_driver = fresh->blocking_driver;
  caller->client = fresh->client;
  caller->method = fresh->method;
  Py_XSETREF(caller->driver_object, new_reference(fresh->driver_object));
  Py_XSETREF(caller->describe, new_reference(fresh->describe));
  Py_XSETREF(caller->guard, new_reference(fresh->guard));
  Py_XSETREF(caller->drop, new_reference(fresh->drop));
}

}  // namespace

bool renew_if_inherited(Caller* caller) {
  if (caller->renew == nullptr || !caller->blocking_driver->is_inherited()) return true;
  PyObject* made = PyObject_CallNoArgs(caller->renew);
  if (made == nullptr) return false;
  if (!is_caller(made)) {
    Py_DECREF(made);
    PyErr_SetString(PyExc_TypeError, "renew() returns a Caller");
    return false;
  }
  // What another thread has put there meanwhile may be in use.
  if (caller->blocking_driver->is_inherited()) take_over(caller, caller_of(made));
  Py_DECREF(made);
  return true;
}

void add_reference(const Caller* caller, CallOptions& options) {
  if (caller->reference_on == 0) return;
  options.reference_on = caller->reference_on;
  Py_ssize_t size = 0;
  const char* name = PyUnicode_AsUTF8AndSize(caller->name, &size);
  if (name == nullptr) PyErr_Clear();  // no memory for it
  options.reference_method = {name == nullptr ? "" : name, static_cast<std::size_t>(size)};
}

StreamLimits stream_limits(const Caller* caller, const CallOptions& options) {
  StreamLimits limits;
  if (options.timeout) {
    limits.timeout = *options.timeout;
    limits.deadline = deadline_after(Clock::now(), limits.timeout);
  }
  if (caller->idle_timeout_us >= 0) limits.idle = to_duration(caller->idle_timeout_us);
  return limits;
}

void add_caller_type(py::module_& module) {
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  type_of_callers = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  module.attr("Caller") = type;
}

}  // namespace ipcbridge::python
