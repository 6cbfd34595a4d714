#include "bindings/python/stream_producer_object.hpp"

#include <new>
#include <utility>

#include "bindings/python/inbound_call_object.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/stream_source.hpp"
#include "bindings/python/stream_task.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyTypeObject* type_of_producers = nullptr;

PyObject* get_iterator(PyObject* object, void* /*unused*/) {
  PyObject* iterator = producer_of(object)->iterator;
  return new_reference(iterator == nullptr ? Py_None : iterator);
}

PyObject* get_is_full(PyObject* object, void* /*unused*/) { return PyBool_FromLong(producer_of(object)->room == 0); }

PyObject* get_call(PyObject* object, void* /*unused*/) { return new_reference(producer_of(object)->call); }

int traverse(PyObject* object, visitproc visit, void* arg) {
  StreamProducer* self = producer_of(object);
  Py_VISIT(Py_TYPE(object));
  for (PyObject* held :
       {self->driver, self->call, self->failed, self->context, self->iterator, self->wake, self->later}) {
    Py_VISIT(held);
  }
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  StreamProducer* self = producer_of(object);
  for (PyObject* held :
       {self->driver, self->call, self->failed, self->context, self->iterator, self->wake, self->later}) {
    Py_XDECREF(held);
  }
  self->body.~Buffer();
  self->attachments.~Attachments();
  type->tp_free(object);
  Py_DECREF(type);
}

PyGetSetDef properties[] = {
    {"iterator", &get_iterator, nullptr, "What makes the items; None when it is over.", nullptr},
    {"call", &get_call, nullptr, "Whose result it is.", nullptr},
    {"is_full", &get_is_full, nullptr, "Whether what has been put has used up the room that was known.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMethodDef methods[] = {
    {"put", &stream_task::put, METH_O,
     "Sends an item, or keeps it for flush(). False where there is no room: to be tried again after wake(). None when "
     "nobody reads any more. Raises IpcError for what cannot be sent."},
    {"room", &stream_task::room, METH_NOARGS,
     "Whether there is room; None when nobody reads any more. If not, wake() is called."},
    {"on_wake", &stream_task::on_wake, METH_VARARGS,
     "on_wake(wake, later=None): wake(is_over) is called, on any thread, when there is room or nobody reads any more. "
     "With `later`, put() may keep items of a fast iterator; later() is called when there are some, and has flush() "
     "called as soon as the task waits for something."},
    {"flush", &stream_task::flush, METH_NOARGS,
     "Sends the items that put() has kept, where there is room. Does not raise."},
    {"end", &stream_task::end, METH_NOARGS, "No more items follow."},
    {"end_with", &stream_task::end_with, METH_VARARGS,
     "The same because of an error: its code's number, a message, details."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(&dealloc)},
    {Py_tp_traverse, slot(&traverse)},
    {Py_tp_getset, properties},
    {Py_tp_methods, methods},
    {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge._native.StreamProducer",
    static_cast<int>(sizeof(StreamProducer)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    slots,
};

}  // namespace

StreamProducer* new_producer(Responder& responder, PyObject* driver, PyObject* call, PyObject* failed,
                             const StreamKey& key, PyObject* source) {
  bool is_async = false;
  PyObject* iterator = iterator_of(source, is_async);
  PyObject* context = iterator == nullptr ? nullptr : PyContext_CopyCurrent();
  StreamProducer* self = context == nullptr ? nullptr : PyObject_GC_New(StreamProducer, type_of_producers);
  if (self == nullptr) {
    Py_XDECREF(iterator);
    Py_XDECREF(context);
    return nullptr;
  }
  use_up(source);
  self->responder = &responder;
  self->driver = new_reference(driver);
  self->call = new_reference(call);
  self->failed = new_reference(failed);
  self->context = context;
  self->iterator = iterator;
  self->wake = nullptr;
  self->later = nullptr;
  self->unsent = 0;
  self->room = 0;
  self->is_async = is_async;
  self->is_running = false;
  self->is_due = false;
  new (&self->key) StreamKey(key);
  new (&self->last_put) TimePoint();
  new (&self->body) Buffer();
  new (&self->attachments) Attachments();
  auto* object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  responder.producers().emplace(key, object);
  Py_INCREF(object);
  return self;
}

void forget_producer(StreamProducer* self) {
  if (self->responder == nullptr) return;
  Responder& responder = *std::exchange(self->responder, nullptr);
  responder.end_stream(self->key, nullptr, {});
  responder.producers().erase(self->key);
  Py_CLEAR(self->iterator);
  Py_CLEAR(self->wake);
  Py_CLEAR(self->later);
  end_call(self->call);
  Py_DECREF(reinterpret_cast<PyObject*>(self));  // that of the table
}

void close_iterator(StreamProducer* self) {
  PyObject* iterator = std::exchange(self->iterator, nullptr);
  if (iterator == nullptr) return;
  close_source(iterator);
  Py_DECREF(iterator);
}

void fail_stream(StreamProducer* self, Stage stage) {
  const auto held = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(self));
  PyObject* outcome = answer_with_error(self->call, stage, held.ptr(), self->failed);
  if (!succeeded(outcome)) PyErr_WriteUnraisable(held.ptr());
  close_iterator(self);
  forget_producer(self);
}

void add_stream_producer_type(py::module_& module) {
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  type_of_producers = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  type_of_producers->tp_new = nullptr;
  module.attr("StreamProducer") = type;
}

}  // namespace ipcbridge::python
