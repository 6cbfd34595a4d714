#include "bindings/python/ready_item.hpp"

#include <utility>

#include "bindings/python/objects.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyTypeObject* type_of_ready_items = nullptr;

struct ReadyItem {
  PyObject_HEAD PyObject* stream;  // null once it has been awaited
  TakeItem take;
};

// Ends the await with the item: StopIteration(item) is what a finished one raises.
PyObject* finish_await(PyObject* object) {
  auto* self = reinterpret_cast<ReadyItem*>(object);
  if (self->stream == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "this item has been awaited already");
    return nullptr;
  }
  PyObject* stream = std::exchange(self->stream, nullptr);
  PyObject* value = self->take(stream);
  Py_DECREF(stream);
  if (value == nullptr) return nullptr;
  PyObject* stop = PyObject_CallOneArg(PyExc_StopIteration, value);  // whatever the item is, it is the value
  Py_DECREF(value);
  if (stop == nullptr) return nullptr;
  PyErr_SetObject(PyExc_StopIteration, stop);
  Py_DECREF(stop);
  return nullptr;
}

void dealloc_ready_item(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  Py_XDECREF(reinterpret_cast<ReadyItem*>(object)->stream);
  type->tp_free(object);
  Py_DECREF(type);
}

PyType_Slot ready_slots[] = {
    {Py_tp_dealloc, slot(&dealloc_ready_item)},
    {Py_am_await, slot(&PyObject_SelfIter)},
    {Py_tp_iter, slot(&PyObject_SelfIter)},
    {Py_tp_iternext, slot(&finish_await)},
    {0, nullptr},
};

PyType_Spec ready_spec = {
    "ipcbridge._native.ReadyItem", static_cast<int>(sizeof(ReadyItem)), 0, Py_TPFLAGS_DEFAULT, ready_slots,
};

}  // namespace

PyObject* new_ready_item(PyObject* stream, TakeItem take) {
  auto* ready = PyObject_New(ReadyItem, type_of_ready_items);
  if (ready == nullptr) return nullptr;
  ready->stream = new_reference(stream);
  ready->take = take;
  return reinterpret_cast<PyObject*>(ready);
}

void add_ready_item_type() {
  const auto ready = py::reinterpret_steal<py::object>(PyType_FromSpec(&ready_spec));
  if (!ready) throw py::error_already_set();
  type_of_ready_items = reinterpret_cast<PyTypeObject*>(ready.inc_ref().ptr());
  type_of_ready_items->tp_new = nullptr;
}

}  // namespace ipcbridge::python
