#include "bindings/python/proxy_base.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>

#include "bindings/python/classes.hpp"
#include "bindings/python/objects.hpp"
#include "core/base/fork.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// Names that are looked up often; made once, never freed.
PyObject* forget_stale_name = nullptr;
PyObject* find_name = nullptr;

struct ProxyBase {
  PyObject_HEAD PyObject* keeper;  // keeps generation alive
  const Generation* generation;
  std::uint32_t seen;
  std::uint32_t forks;  // before it was seen: a forked child may have another client in its place
};

ProxyBase* self_of(PyObject* object) { return reinterpret_cast<ProxyBase*>(object); }

bool is_remote(PyObject* name) {
  return PyUnicode_Check(name) != 0 && PyUnicode_GET_LENGTH(name) > 0 && PyUnicode_READ_CHAR(name, 0) != '_';
}

// The error of a name that is not there tells of the user's line alone.
void forget_traceback() {
  PyObject* type = nullptr;
  PyObject* error = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &error, &traceback);
  PyErr_NormalizeException(&type, &error, &traceback);
  if (error != nullptr) PyException_SetTraceback(error, Py_None);
  Py_XDECREF(traceback);
  PyErr_Restore(type, error, nullptr);
}

PyObject* get_attribute(PyObject* object, PyObject* name) {
  ProxyBase* self = self_of(object);
  if (self->generation == nullptr || !is_remote(name)) return PyObject_GenericGetAttr(object, name);
  const std::uint32_t generation = self->generation->load(std::memory_order_acquire);
  const std::uint32_t forks = fork_guard::generation();
  if (generation != self->seen || forks != self->forks) {
    PyObject* done = PyObject_CallMethodNoArgs(object, forget_stale_name);
    if (done == nullptr) return nullptr;
    Py_DECREF(done);
    self->seen = generation;
    self->forks = forks;
  }
  PyObject* found = PyObject_GenericGetAttr(object, name);
  if (found != nullptr || PyErr_ExceptionMatches(PyExc_AttributeError) == 0) return found;
  PyErr_Clear();
  found = PyObject_CallMethodOneArg(object, find_name, name);
  // Another thread may have seen a later generation before the member was put beside the others.
  self->seen = generation;
  if (found == nullptr) forget_traceback();
  return found;
}

PyObject* follow(PyObject* object, PyObject* generation) {
  ProxyBase* self = self_of(object);
  const Generation* followed = nullptr;
  try {
    followed = py::handle(generation).cast<const GenerationBinding&>().generation.get();
  } catch (const std::runtime_error&) {  // None is another error than any other object
    PyErr_SetString(PyExc_TypeError, "_follow() takes a Generation");
    return nullptr;
  }
  Py_INCREF(generation);
  Py_XSETREF(self->keeper, generation);
  self->generation = followed;
  if (followed != nullptr) self->seen = followed->load(std::memory_order_acquire);
  self->forks = fork_guard::generation();
  Py_RETURN_NONE;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  Py_XDECREF(self_of(object)->keeper);
  type->tp_free(object);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"_follow", &follow, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_getattro, slot(&get_attribute)},
    {Py_tp_dealloc, slot(&dealloc)},
    {Py_tp_methods, methods},
    {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge._native.ProxyBase",
    static_cast<int>(sizeof(ProxyBase)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    slots,
};

}  // namespace

void bind_generation(py::module_& module) {
  py::class_<GenerationBinding> type(module, "Generation", py::module_local(), plain_metaclass(),
                                     "Whether a service is still the same.");
  hide_module_local(type);
  type.def(py::init([] { return GenerationBinding{std::make_shared<Generation>(0)}; }));
  type.def_property_readonly("value", [](const GenerationBinding& self) {
    return self.generation ? self.generation->load(std::memory_order_acquire) : 0;
  });
  type.def("advance", [](const GenerationBinding& self) {
    if (self.generation) self.generation->fetch_add(1, std::memory_order_release);
  });
}

void add_proxy_base_type(py::module_& module) {
  forget_stale_name = py::str("_forget_stale").release().ptr();
  find_name = py::str("_find").release().ptr();
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  module.attr("ProxyBase") = type;
}

}  // namespace ipcbridge::python
