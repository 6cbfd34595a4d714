#include "bindings/python/middleware_call.hpp"

#include <array>
#include <cstddef>

#include "bindings/python/objects.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyTypeObject* type_of_calls = nullptr;

// Memory of calls that are over, for those that come: most live for a microsecond. Guarded by the GIL.
constexpr std::size_t kMostFree = 16;
std::array<MiddlewareCall*, kMostFree> free_calls;
std::size_t free_count = 0;

MiddlewareCall* allocate() {
  if (free_count == 0) return PyObject_GC_New(MiddlewareCall, type_of_calls);
  MiddlewareCall* self = free_calls.at(--free_count);
  PyObject_Init(reinterpret_cast<PyObject*>(self), type_of_calls);
  return self;
}

MiddlewareCall* self_of(PyObject* object) { return reinterpret_cast<MiddlewareCall*>(object); }

// The attribute of the entry that has the name.
PyObject* get_of_entry(PyObject* object, void* name) {
  return PyObject_GetAttrString(self_of(object)->entry, static_cast<const char*>(name));
}

// What the method of the entry that has the name makes of the call that is served.
PyObject* made_by_entry(PyObject* object, void* method) {
  const MiddlewareCall* self = self_of(object);
  PyObject* served = self->served == nullptr ? Py_None : self->served;
  return PyObject_CallMethod(self->entry, static_cast<const char*>(method), "O", served);
}

// The same, made once.
PyObject* kept(PyObject*& place, PyObject* object, void* method) {
  if (place == nullptr) {
    PyObject* made = made_by_entry(object, method);
    if (made == nullptr) return nullptr;
    Py_XSETREF(place, made);  // code of the user's may have put something there meanwhile
  }
  return new_reference(place);
}

PyObject* get_args(PyObject* object, void* /*unused*/) { return new_reference(self_of(object)->args); }

PyObject* get_kwargs(PyObject* object, void* /*unused*/) {
  PyObject*& kwargs = self_of(object)->kwargs;
  if (kwargs == nullptr) kwargs = PyDict_New();
  Py_XINCREF(kwargs);
  return kwargs;
}

PyObject* get_metadata(PyObject* object, void* method) { return kept(self_of(object)->metadata, object, method); }

PyObject* get_context(PyObject* object, void* method) { return kept(self_of(object)->context, object, method); }

int replace(PyObject*& place, PyObject* value) {
  if (value == nullptr) {
    PyErr_SetString(PyExc_AttributeError, "the attributes of a call cannot be deleted");
    return -1;
  }
  Py_INCREF(value);
  Py_XSETREF(place, value);
  return 0;
}

int set_args(PyObject* object, PyObject* value, void* /*unused*/) { return replace(self_of(object)->args, value); }

int set_kwargs(PyObject* object, PyObject* value, void* /*unused*/) { return replace(self_of(object)->kwargs, value); }

int set_metadata(PyObject* object, PyObject* value, void* /*unused*/) {
  return replace(self_of(object)->metadata, value);
}

PyObject* represent(PyObject* object) { return made_by_entry(object, const_cast<char*>("shown")); }

int traverse(PyObject* object, visitproc visit, void* arg) {
  MiddlewareCall* self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->entry);
  Py_VISIT(self->served);
  Py_VISIT(self->args);
  Py_VISIT(self->kwargs);
  Py_VISIT(self->metadata);
  Py_VISIT(self->context);
  return 0;
}

// Of the entry and the arguments something is there always; cycles lead through these, too.
int clear(PyObject* object) {
  MiddlewareCall* self = self_of(object);
  Py_INCREF(Py_None);
  Py_XSETREF(self->args, Py_None);
  Py_CLEAR(self->kwargs);
  Py_CLEAR(self->metadata);
  Py_CLEAR(self->context);
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  MiddlewareCall* self = self_of(object);
  Py_DECREF(self->entry);
  Py_XDECREF(self->served);
  Py_DECREF(self->args);
  Py_XDECREF(self->kwargs);
  Py_XDECREF(self->metadata);
  Py_XDECREF(self->context);
  if (free_count < kMostFree) {
    free_calls.at(free_count++) = self;
  } else {
    type->tp_free(object);
  }
  Py_DECREF(type);
}

PyGetSetDef properties[] = {
    {"side", &get_of_entry, nullptr, "'client' or 'server'.", const_cast<char*>("side")},
    {"kind", &made_by_entry, nullptr, "'call' or 'notification'.", const_cast<char*>("kind_of")},
    {"service", &get_of_entry, nullptr, "The name or the address of the service.", const_cast<char*>("service")},
    {"method", &get_of_entry, nullptr, "The dotted name of the method.", const_cast<char*>("method")},
    {"args", &get_args, &set_args, "A tuple.", nullptr},
    {"kwargs", &get_kwargs, &set_kwargs, "A dict.", nullptr},
    {"metadata", &get_metadata, &set_metadata,
     "A dict: on the server of what came, on the client of what will be sent.", const_cast<char*>("metadata_of")},
    {"context", &get_context, nullptr, "On the server as context() gives it, else None.",
     const_cast<char*>("context_of")},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

const char* const kDocumentation =
    "A call as middleware sees it, which may change `args`, `kwargs` and `metadata` before it calls next(call).";

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(&dealloc)},
    {Py_tp_traverse, slot(&traverse)},
    {Py_tp_clear, slot(&clear)},
    {Py_tp_repr, slot(&represent)},
    {Py_tp_getset, properties},
    {Py_tp_doc, const_cast<char*>(kDocumentation)},
    {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge.MiddlewareCall",
    static_cast<int>(sizeof(MiddlewareCall)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    slots,
};

}  // namespace

PyObject* new_middleware_call(PyObject* entry, PyObject* served, PyObject* args, PyObject* kwargs) {
  MiddlewareCall* self = allocate();
  if (self == nullptr) return nullptr;
  self->entry = new_reference(entry);
  self->served = served;
  Py_XINCREF(served);
  self->args = new_reference(args);
  self->kwargs = kwargs;
  Py_XINCREF(kwargs);
  self->metadata = nullptr;
  self->context = nullptr;
  self->steps = 0;
  auto* object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  return object;
}

MiddlewareCall* middleware_call_of(PyObject* object) {
  return Py_TYPE(object) == type_of_calls ? self_of(object) : nullptr;
}

void add_middleware_call_type(py::module_& module) {
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  type_of_calls = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  type_of_calls->tp_new = nullptr;  // made by entries only
  module.attr("MiddlewareCall") = type;
}

}  // namespace ipcbridge::python
