#include "bindings/python/loop_stream.hpp"

#include <structmember.h>

#include <cstddef>
#include <new>
#include <utility>

#include "bindings/python/batch_reader.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/item_rest.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/pending_calls.hpp"
#include "bindings/python/ready_item.hpp"
#include "bindings/python/stream_errors.hpp"
#include "bindings/python/stream_types.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "core/base/system.hpp"
#include "core/workers/waiter.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyTypeObject* type_of_streams = nullptr;

// Made by tp_alloc, which runs no constructor.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
struct Object {
  PyObject_HEAD PyObject* driver_object;  // keeps the binding alive
  DriverBinding* binding;
  PyObject* keeper;  // the caller, whose client would be closed without it; or null
  PyObject* waiter;  // the future of whoever waits for the next item, or null
  PyObject* weak_references;
  std::shared_ptr<StreamQueue> queue;  // null: it is over, or was closed
  StreamKey key;
  StreamLimits limits;
  bool is_late;  // the exception that says so is to be raised yet
  ItemRest rest;
  BatchReader reader;
};

Object* self_of(PyObject* object) { return reinterpret_cast<Object*>(object); }

// Touches no Python, so that it may be called wherever an object dies.
void leave(Object* self) {
  if (self->queue == nullptr) return;
  const std::shared_ptr<StreamQueue> queue = std::move(self->queue);
  self->queue.reset();
  self->binding->leave_stream(*queue);
}

void give_back(Object* self) {
  if (self->reader.batch().count == 0 || self->queue == nullptr) return;
  self->binding->consume_stream(self->queue->key(), self->reader.batch().count, self->reader.batch().bytes);
  self->reader.clear();
}

// It has gone beyond its limits.
void expire(Object* self) {
  if (self->queue == nullptr) return;
  self->reader.clear();
  leave(self);
  self->is_late = true;
}

// Whether there is an item to read.
bool fetch(Object* self) {
  if (!self->rest.empty() || self->reader.has_item()) return true;
  give_back(self);
  if (self->limits.deadline != kNever && Clock::now() >= self->limits.deadline) expire(self);
  StreamQueue::Batch batch;
  if (self->queue == nullptr || !self->queue->take(batch)) return false;
  self->reader.begin(std::move(batch));
  return true;
}

// Once fetch() has said that there is one. What read() has left of an item comes first.
PyObject* take_fetched(Object* self) { return self->rest.empty() ? self->reader.read() : self->rest.take(); }

bool has_ended(Object* self) { return self->queue == nullptr || self->queue->has_ended(); }

// Sets the exception that its end is.
void raise_end(Object* self) {
  const std::shared_ptr<StreamQueue> queue = std::move(self->queue);
  self->queue.reset();
  if (std::exchange(self->is_late, false)) {
    set_late_error(self->limits, self->keeper, Clock::now());
  } else if (queue == nullptr || queue->how().code == Code::kOk) {
    PyErr_SetNone(PyExc_StopAsyncIteration);
  } else {
    set_stream_error(queue->how(), self->keeper);
  }
}

PyObject* take_item(PyObject* object) {
  Object* self = self_of(object);
  if (fetch(self)) return take_fetched(self);
  set_python_error({Code::kFailedPrecondition, "another task has taken this item"});
  return nullptr;
}

PyObject* next(PyObject* object) {
  Object* self = self_of(object);
  if (fetch(self)) return new_ready_item(object, &take_item);
  if (!has_ended(self)) return PyObject_CallOneArg(self->binding->next_item().ptr(), object);
  raise_end(self);
  return nullptr;
}

// A future that is done when there is something to take; None when there is already.
PyObject* arrival(PyObject* object, PyObject* /*unused*/) {
  Object* self = self_of(object);
  if (fetch(self) || has_ended(self)) Py_RETURN_NONE;
  if (self->waiter != nullptr && !is_done(self->waiter)) {
    set_python_error({Code::kFailedPrecondition, "another task waits for this stream's next item"});
    return nullptr;
  }
  Py_XDECREF(std::exchange(self->waiter, self->binding->new_future()));
  return self->waiter == nullptr ? nullptr : new_reference(self->waiter);
}

// False when nothing has woken the waiter by then. Without the GIL.
bool wait_until(StreamQueue& queue, Waiter& waiter, TimePoint end) {
  while (waiter.fall_asleep() && Clock::now() < end) waiter.sleep(System::real(), end);
  queue.stop_waiting(waiter);
  return waiter.is_done();
}

// For handlers on threads: blocks, while the loop reads.
PyObject* next_on_thread(PyObject* object) {
  Object* self = self_of(object);
  const auto loop = py::reinterpret_steal<py::object>(self->binding->running_loop());
  if (loop) {
    set_python_error({Code::kFailedPrecondition, "this stream arrives on an event loop: iterate it by `async for`"});
    return nullptr;
  }
  PyErr_Clear();
  for (;;) {
    if (fetch(self)) return take_fetched(self);
    if (has_ended(self)) {
      raise_end(self);
      if (PyErr_ExceptionMatches(PyExc_StopAsyncIteration) != 0) PyErr_Clear();
      return nullptr;
    }
    const std::shared_ptr<StreamQueue> queue = self->queue;
    Waiter waiter;
    const Result<bool> waits = queue->wait_with(waiter);
    if (!waits.ok()) {
      set_python_error(waits.error());
      return nullptr;
    }
    if (!waits.value()) continue;
    const TimePoint end = self->limits.any() ? self->limits.until(Clock::now()) : kNever;
    PyThreadState* state = PyEval_SaveThread();
    const bool is_late = !wait_until(*queue, waiter, end);
    PyEval_RestoreThread(state);
    if (is_late && !fetch(self)) expire(self);  // what has come just now is in time
  }
}

// Only wakes: the item stays until somebody takes it, who may be cancelled in the same turn of the loop.
bool wake(Object* self) {
  if (self->waiter == nullptr || (!fetch(self) && !has_ended(self))) return true;
  static PyObject* const kSetResult = PyUnicode_InternFromString("set_result");
  PyObject* waiter = std::exchange(self->waiter, nullptr);
  const bool is_woken = is_done(waiter) || succeeded(PyObject_CallMethodOneArg(waiter, kSetResult, Py_None));
  Py_DECREF(waiter);
  return is_woken;
}

PyObject* take_rest(PyObject* object, PyObject* args) {
  Py_ssize_t most = 0;
  if (PyArg_ParseTuple(args, "n:take_rest", &most) == 0) return nullptr;
  ItemRest& rest = self_of(object)->rest;
  if (rest.empty()) Py_RETURN_NONE;
  return rest.take(most);
}

PyObject* close(PyObject* object, PyObject* /*unused*/) {
  Object* self = self_of(object);
  self->rest.clear();
  self->reader.clear();
  leave(self);
  if (!wake(self)) return nullptr;
  Py_RETURN_NONE;
}

// Item by item, for read(): an item of bytes that has been read is kept, and taken piece by piece.
PyObject* keep_rest(PyObject* object, PyObject* item) {
  const auto end = [](PyObject* stream) { return close(stream, nullptr); };
  if (!self_of(object)->rest.keep(item, object, end)) return nullptr;
  Py_RETURN_NONE;
}

PyObject* patience(PyObject* object, PyObject* /*unused*/) { return patience_of(self_of(object)->limits); }

PyObject* expire_now(PyObject* object, PyObject* /*unused*/) {
  Object* self = self_of(object);
  expire(self);
  if (!wake(self)) return nullptr;
  Py_RETURN_NONE;
}

PyObject* represent(PyObject* object) {
  return PyUnicode_FromString(self_of(object)->queue == nullptr ? "<stream, ended>" : "<stream>");
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self_of(object)->driver_object);
  Py_VISIT(self_of(object)->keeper);
  Py_VISIT(self_of(object)->waiter);
  return 0;
}

int clear(PyObject* object) {
  Py_CLEAR(self_of(object)->waiter);
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  Object* self = self_of(object);
  if (self->weak_references != nullptr) PyObject_ClearWeakRefs(object);
  self->binding->forget_stream(self->key);
  leave(self);
  self->queue.~shared_ptr();
  self->reader.~BatchReader();
  self->rest.clear();
  Py_XDECREF(self->waiter);
  Py_XDECREF(self->keeper);
  Py_DECREF(self->driver_object);
  type->tp_free(object);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"arrival", &arrival, METH_NOARGS, "A future of the next item's arrival, for one task; None when it is there."},
    {"patience", &patience, METH_NOARGS, "How many seconds the next item may take; None: any time."},
    {"expire", &expire_now, METH_NOARGS, "Ends it with deadline_exceeded: an item has taken too long."},
    {"keep_rest", &keep_rest, METH_O,
     "keep_rest(item): it is read again. Raises IpcError('failed_precondition') where it is no bytes, which ends "
     "this."},
    {"take_rest", &take_rest, METH_VARARGS, "take_rest(most): up to so many bytes of that; None when nothing is kept."},
    {"close", &close, METH_NOARGS, "Wants no more of it: whatever makes its items is ended."},
    {nullptr, nullptr, 0, nullptr},
};

PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Object, weak_references), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(&dealloc)},
    {Py_tp_traverse, slot(&traverse)},
    {Py_tp_clear, slot(&clear)},
    {Py_am_aiter, slot(&PyObject_SelfIter)},
    {Py_am_anext, slot(&next)},
    {Py_tp_repr, slot(&represent)},
    {Py_tp_iter, slot(&PyObject_SelfIter)},
    {Py_tp_iternext, slot(&next_on_thread)},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge._native.LoopStream",
    static_cast<int>(sizeof(Object)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    slots,
};

}  // namespace

bool is_loop_stream(PyObject* value) { return PyObject_TypeCheck(value, type_of_streams) != 0; }

LoopStreams::~LoopStreams() {
  for (const std::shared_ptr<StreamQueue>& queue : queues_) {
    if (queue != nullptr) binding_.leave_stream(*queue);
  }
}

PyObject* LoopStreams::make(std::uint32_t place) {
  if (place >= queues_.size() || queues_[place] == nullptr) return nullptr;
  auto* type = reinterpret_cast<PyTypeObject*>(binding_.stream_type());
  PyObject* object = type->tp_alloc(type, 0);
  if (object == nullptr) return nullptr;
  Object* self = self_of(object);
  new (&self->reader) BatchReader();
  self->driver_object = py::cast(&binding_).release().ptr();  // the object that it has
  self->binding = &binding_;
  self->keeper = keeper_;
  Py_XINCREF(keeper_);
  new (&self->queue) std::shared_ptr<StreamQueue>(std::move(queues_[place]));
  queues_[place] = nullptr;
  new (&self->key) StreamKey(self->queue->key());
  new (&self->limits) StreamLimits(limits_);
  self->is_late = false;
  self->rest = {};
  binding_.note_stream(self->key, object);
  return object;
}

bool wake_loop_stream(PyObject* stream) { return wake(self_of(stream)); }

void add_loop_stream_type(py::module_& module) {
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  type_of_streams = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  type_of_streams->tp_new = nullptr;  // made of what arrives only
  module.attr("LoopStream") = type;
}

}  // namespace ipcbridge::python
