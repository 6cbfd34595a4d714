#include "bindings/python/values/memory_object.hpp"

#include <memory>
#include <new>
#include <utility>

#include "bindings/python/objects.hpp"
#include "core/base/blob_returns.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyTypeObject* type_of_memory = nullptr;

struct Memory {
  PyObject_HEAD Attachment attachment;
};

Memory* self_of(PyObject* object) { return reinterpret_cast<Memory*>(object); }

// Its sender waits for it, also where this process is idle from now on.
void let_go(Attachment attachment) {
  const std::shared_ptr<BlobReturns> returns = attachment.memory ? attachment.memory->returns() : nullptr;
  attachment = {};
  if (returns != nullptr) returns->send();
}

int get_buffer(PyObject* object, Py_buffer* view, int flags) {
  const Attachment& attachment = self_of(object)->attachment;
  return PyBuffer_FillInfo(view, object, attachment.bytes.data(), static_cast<Py_ssize_t>(attachment.bytes.size()),
                           attachment.memory->is_writable() && !attachment.memory->is_shared() ? 0 : 1, flags);
}

Py_ssize_t length(PyObject* object) { return static_cast<Py_ssize_t>(self_of(object)->attachment.bytes.size()); }

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  Attachment attachment = std::move(self_of(object)->attachment);
  self_of(object)->attachment.~Attachment();
  type->tp_free(object);
  Py_DECREF(type);
  let_go(std::move(attachment));
}

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(&dealloc)},
    {Py_bf_getbuffer, slot(&get_buffer)},
    {Py_sq_length, slot(&length)},
    {0, nullptr},
};

PyType_Spec spec = {"ipcbridge._native.Memory", static_cast<int>(sizeof(Memory)), 0, Py_TPFLAGS_DEFAULT, slots};

}  // namespace

PyObject* new_memory(const Attachment& attachment) {
  auto* memory = PyObject_New(Memory, type_of_memory);
  if (memory == nullptr) return nullptr;
  new (&memory->attachment) Attachment(attachment);
  return reinterpret_cast<PyObject*>(memory);
}

void let_go(Attachments& attachments) {
  for (Attachment& each : attachments) let_go(std::move(each));
  attachments.clear();
}

void add_memory_type(py::module_& module) {
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  type_of_memory = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  type_of_memory->tp_new = nullptr;
  module.attr("Memory") = type;
}

}  // namespace ipcbridge::python
