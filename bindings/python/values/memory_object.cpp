#include "bindings/python/values/memory_object.hpp"

#include <memory>
#include <new>
#include <utility>

#include "bindings/python/errors.hpp"
#include "bindings/python/gil.hpp"
#include "bindings/python/objects.hpp"
#include "core/base/blob_returns.hpp"
#include "core/base/lending.hpp"
#include "core/endpoint/driver.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

constexpr std::size_t kMostAllocated = std::size_t{1} << 46U;

PyTypeObject* type_of_memory = nullptr;

// Made by PyObject_New, which runs no constructor.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
struct Memory {
  PyObject_HEAD Attachment attachment;
  bool is_writable;
};

Memory* self_of(PyObject* object) { return reinterpret_cast<Memory*>(object); }

int get_buffer(PyObject* object, Py_buffer* view, int flags) {
  const Attachment& attachment = self_of(object)->attachment;
  return PyBuffer_FillInfo(view, object, attachment.bytes.data(), static_cast<Py_ssize_t>(attachment.bytes.size()),
                           self_of(object)->is_writable ? 0 : 1, flags);
}

Py_ssize_t length(PyObject* object) { return static_cast<Py_ssize_t>(self_of(object)->attachment.bytes.size()); }

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  Attachment attachment = std::move(self_of(object)->attachment);
  self_of(object)->attachment.~Attachment();
  type->tp_free(object);
  Py_DECREF(type);
  ipcbridge::let_go(std::move(attachment));
}

// For objects that look at it still there is memory, which holds what comes next.
PyObject* release(PyObject* object, PyObject*) {
  const Attachment& attachment = self_of(object)->attachment;
  const std::shared_ptr<BlobReturns> returns = attachment.memory->returns();
  attachment.memory->give_back();
  if (returns != nullptr) returns->send();
  Py_RETURN_NONE;
}

PyObject* allocate(PyObject*, PyObject* size) {
  const std::size_t bytes = PyLong_AsSize_t(size);
  if (bytes == static_cast<std::size_t>(-1) && PyErr_Occurred() != nullptr) PyErr_Clear();
  return allocate_memory(bytes);
}

PyMethodDef methods[] = {
    {"release", &release, METH_NOARGS, "Gives it back: it holds what comes next."},
    {nullptr, nullptr, 0, nullptr},
};

PyMethodDef allocate_method = {"allocate", &allocate, METH_O, "So many bytes of memory that is sent without a copy."};

PyType_Slot slots[] = {
    {Py_tp_methods, methods},
    {Py_tp_dealloc, slot(&dealloc)},
    {Py_bf_getbuffer, slot(&get_buffer)},
    {Py_sq_length, slot(&length)},
    {0, nullptr},
};

PyType_Spec spec = {"ipcbridge._native.Memory", static_cast<int>(sizeof(Memory)), 0, Py_TPFLAGS_DEFAULT, slots};

}  // namespace

PyObject* new_memory(const Attachment& attachment, bool is_writable) {
  auto* memory = PyObject_New(Memory, type_of_memory);
  if (memory == nullptr) return nullptr;
  new (&memory->attachment) Attachment(attachment);
  memory->is_writable = is_writable;
  return reinterpret_cast<PyObject*>(memory);
}

PyObject* allocate_memory(std::size_t size) {
  BlobRef blob = size < kMostAllocated ? allocate_blob(size) : nullptr;
  if (blob) return new_memory(Attachment(std::move(blob)), /*is_writable=*/true);
  set_python_error({Code::kResourceExhausted, "no memory for an array or a table of that size"});
  return nullptr;
}

PyObject* allocate_sealable_memory(std::size_t size) {
  // Its pages are fresh, each time.
  BlobRef blob = size < kMostAllocated ? without_gil([size] { return allocate_sealable_blob(size); }) : nullptr;
  return blob ? new_memory(Attachment(std::move(blob)), /*is_writable=*/true) : allocate_memory(size);
}

void seal_memory(PyObject* memory) {
  self_of(memory)->is_writable = false;
  self_of(memory)->attachment.memory->seal();
}

void let_go(Attachments& attachments) {
  for (Attachment& each : attachments) ipcbridge::let_go(std::move(each));
  attachments.clear();
}

void add_memory_type(py::module_& module) {
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  type_of_memory = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  type_of_memory->tp_new = nullptr;
  module.attr("Memory") = type;
  PyObject* function = PyCFunction_New(&allocate_method, nullptr);
  if (function == nullptr) throw py::error_already_set();
  module.attr("allocate") = py::reinterpret_steal<py::object>(function);
}

}  // namespace ipcbridge::python
