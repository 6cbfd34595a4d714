#define PY_SSIZE_T_CLEAN
#include "bindings/python/caller.hpp"

#include <structmember.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>

#include "bindings/python/bytes.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/interrupt.hpp"
#include "bindings/python/options.hpp"
#include "bindings/python/pump_binding.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

int loop_servers = 0;           // guarded by the GIL
PyObject* no_kwargs = nullptr;  // an empty dict that nobody writes to

struct Caller {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject* weak_references;
  PyObject* pump_object;  // keeps pump alive
  PumpBinding* pump;
  ClientId client;
  std::uint32_t method;
  std::int64_t timeout_us;
  unsigned flags;
  PyObject* name;
  PyObject* metadata;
  PyObject* encode_args;
  PyObject* decode;
  PyObject* error_of;
  PyObject* describe;
  PyObject* guard;
  PyObject* drop;
};

Caller* self_of(PyObject* object) { return reinterpret_cast<Caller*>(object); }

PyObject* encode(const Caller* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  PyObject* positional = PyTuple_New(count);
  if (positional == nullptr) return nullptr;
  for (Py_ssize_t i = 0; i < count; ++i) {
    Py_INCREF(args[i]);
    PyTuple_SET_ITEM(positional, i, args[i]);
  }
  PyObject* keywords = no_kwargs;
  Py_INCREF(keywords);
  if (names != nullptr && PyTuple_GET_SIZE(names) > 0) {
    Py_SETREF(keywords, PyDict_New());
    for (Py_ssize_t i = 0; keywords != nullptr && i < PyTuple_GET_SIZE(names); ++i) {
      if (PyDict_SetItem(keywords, PyTuple_GET_ITEM(names, i), args[count + i]) != 0) Py_CLEAR(keywords);
    }
  }
  PyObject* payload = nullptr;
  if (keywords != nullptr) {
    PyObject* given[] = {positional, keywords};
    payload = PyObject_Vectorcall(self->encode_args, given, 2, nullptr);
  }
  Py_DECREF(positional);
  Py_XDECREF(keywords);
  if (payload != nullptr && PyBytes_CheckExact(payload) == 0) {
    PyErr_SetString(PyExc_TypeError, "encode_args must return bytes");
    Py_CLEAR(payload);
  }
  return payload;
}

// A peer's message may be any bytes.
PyObject* message_of(const CallResult& result) {
  return PyUnicode_DecodeUTF8(result.message.data(), static_cast<Py_ssize_t>(result.message.size()), "replace");
}

PyObject* fail(const Caller* self, const CallResult& result) {
  const Outcome& outcome = result.outcome;
  const std::string_view code = code_name(outcome.code);
  PyObject* message = message_of(result);
  if (message == nullptr) return nullptr;
  PyObject* error =
      PyObject_CallFunction(self->error_of, "s#Ny#i", code.data(), static_cast<Py_ssize_t>(code.size()), message,
                            reinterpret_cast<const char*>(outcome.payload.data()),
                            static_cast<Py_ssize_t>(outcome.payload.size()), static_cast<int>(outcome.ending()));
  if (error == nullptr) return nullptr;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error)), error);
  Py_DECREF(error);
  return nullptr;
}

// A notification that was not taken: False, after the hook has told the log.
PyObject* dropped(const Caller* self) {
  PyObject* told = PyObject_CallNoArgs(self->drop);
  if (told == nullptr) return nullptr;
  Py_DECREF(told);
  Py_RETURN_FALSE;
}

// The frames of the library itself tell a user nothing.
PyObject* without_own_frames() {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  if (PyErr_GivenExceptionMatches(type, PyExc_Exception) != 0) Py_CLEAR(traceback);
  PyErr_Restore(type, value, traceback);
  return nullptr;
}

PyObject* call(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names) {
  Caller* self = self_of(object);
  if (loop_servers > 0) {
    PyObject* allowed = PyObject_CallNoArgs(self->guard);
    if (allowed == nullptr) return without_own_frames();
    Py_DECREF(allowed);
  }
  PyObject* payload = encode(self, args, PyVectorcall_NARGS(nargsf), names);
  if (payload == nullptr) return without_own_frames();
  BlockingDriver* pump = nullptr;
  try {
    // Only now: encoding runs Python code, and during it another thread may shut the pump down.
    pump = &self->pump->alive();
  } catch (py::error_already_set& error) {
    error.restore();
    Py_DECREF(payload);
    return nullptr;
  }

  const CallOptions options = call_options(self->timeout_us, self->flags);
  const Interrupted interrupted = interrupted_by_signals();
  const PumpBinding::Visit visit(*self->pump);
  PyThreadState* state = PyEval_SaveThread();
  const CallResult result =
      pump->call(self->client, self->method, options, view(self->metadata), view(payload), interrupted);
  PyEval_RestoreThread(state);
  Py_DECREF(payload);
  if (PyErr_Occurred() != nullptr) return nullptr;  // Ctrl-C
  if (result.outcome.code != Code::kOk) return fail(self, result);
  if (options.notify && result.dropped) return dropped(self);
  if (options.notify) Py_RETURN_TRUE;
  PyObject* bytes = new_bytes(result.outcome.payload);
  if (bytes == nullptr) return nullptr;
  PyObject* value = PyObject_CallOneArg(self->decode, bytes);
  Py_DECREF(bytes);
  return value;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* /*kwargs*/) {
  PyObject* pump = nullptr;
  PyObject* name = nullptr;
  PyObject* metadata = nullptr;
  PyObject* hooks[6] = {};
  unsigned client = 0;
  unsigned method = 0;
  long long timeout_us = 0;
  unsigned flags = 0;
  if (PyArg_ParseTuple(args, "OIIU(LIS)(OOOOOO):Caller", &pump, &client, &method, &name, &timeout_us, &flags, &metadata,
                       &hooks[0], &hooks[1], &hooks[2], &hooks[3], &hooks[4], &hooks[5]) == 0) {
    return nullptr;
  }
  PumpBinding* binding = nullptr;
  try {
    binding = py::handle(pump).cast<PumpBinding*>();
  } catch (const py::cast_error&) {
    PyErr_SetString(PyExc_TypeError, "Caller needs a Pump");
    return nullptr;
  }
  PyObject* object = type->tp_alloc(type, 0);
  if (object == nullptr) return nullptr;
  Caller* self = self_of(object);
  const auto keep = [](PyObject* value) {
    Py_INCREF(value);
    return value;
  };
  self->vectorcall = &call;
  self->pump_object = keep(pump);
  self->pump = binding;
  self->client = client;
  self->method = method;
  self->timeout_us = timeout_us;
  self->flags = flags;
  self->name = keep(name);
  self->metadata = keep(metadata);
  self->encode_args = keep(hooks[0]);
  self->decode = keep(hooks[1]);
  self->error_of = keep(hooks[2]);
  self->describe = keep(hooks[3]);
  self->guard = keep(hooks[4]);
  self->drop = keep(hooks[5]);
  return object;
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  Caller* self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->pump_object);
  Py_VISIT(self->encode_args);
  Py_VISIT(self->decode);
  Py_VISIT(self->error_of);
  Py_VISIT(self->describe);
  Py_VISIT(self->guard);
  Py_VISIT(self->drop);
  return 0;
}

int clear(PyObject* object) {
  Caller* self = self_of(object);
  // Nothing is dropped that a call in progress needs; the cycles lead through these two.
  Py_CLEAR(self->describe);
  Py_CLEAR(self->guard);
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  Caller* self = self_of(object);
  if (self->weak_references != nullptr) PyObject_ClearWeakRefs(object);
  for (PyObject* held : {self->pump_object, self->name, self->metadata, self->encode_args, self->decode, self->error_of,
                         self->describe, self->guard, self->drop}) {
    Py_XDECREF(held);
  }
  type->tp_free(object);
  Py_DECREF(type);
}

// describe(name) -> (doc, signature), or AttributeError for what is not known.
PyObject* described(PyObject* object, Py_ssize_t which) {
  Caller* self = self_of(object);
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
  PyObject* name = self_of(object)->name;
  const Py_ssize_t size = PyUnicode_GET_LENGTH(name);
  const Py_ssize_t dot = PyUnicode_FindChar(name, '.', 0, size, -1);
  return PyUnicode_Substring(name, dot + 1, size);
}

// A descriptor, so that inspect and help() take it for a routine; it binds nothing.
PyObject* bind(PyObject* object, PyObject* /*instance*/, PyObject* /*owner*/) {
  Py_INCREF(object);
  return object;
}

PyObject* represent(PyObject* object) { return PyUnicode_FromFormat("<remote method %U>", self_of(object)->name); }

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

template <typename F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

PyType_Slot slots[] = {
    {Py_tp_new, slot(&make)},        {Py_tp_call, slot(&PyVectorcall_Call)},
    {Py_tp_dealloc, slot(&dealloc)}, {Py_tp_traverse, slot(&traverse)},
    {Py_tp_clear, slot(&clear)},     {Py_tp_descr_get, slot(&bind)},
    {Py_tp_repr, slot(&represent)},  {Py_tp_getset, properties},
    {Py_tp_members, members},        {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge._native.Caller",
    static_cast<int>(sizeof(Caller)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    slots,
};

}  // namespace

void set_loop_servers(int count) { loop_servers = count; }

void add_caller_type(py::module_& module) {
  no_kwargs = py::dict().release().ptr();
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  module.attr("Caller") = type;
}

}  // namespace ipcbridge::python
