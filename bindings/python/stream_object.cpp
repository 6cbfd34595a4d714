#include "bindings/python/stream_object.hpp"

#include <structmember.h>

#include <cstddef>
#include <new>
#include <utility>

#include "bindings/python/batch_reader.hpp"
#include "bindings/python/call_arguments.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/interrupt.hpp"
#include "bindings/python/item_rest.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/ready_item.hpp"
#include "bindings/python/stream_errors.hpp"
#include "bindings/python/stream_types.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "core/workers/stream_arrivals.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyTypeObject* type_of_streams = nullptr;

// Made by PyObject_GC_New, which runs no constructor.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
struct Object {
  PyObject_HEAD PyObject* driver_object;  // keeps the binding alive
  BlockingDriverBinding* binding;
  PyObject* keeper;                            // the caller, whose client would be closed without it; or null
  std::shared_ptr<StreamQueue> queue;          // null: it is over, or was closed
  std::shared_ptr<PassedArguments> arguments;  // of the call, while it is open
  StreamLimits limits;
  bool is_waiting;  // a thread is, for the next items
  bool is_closed;   // by close()
  // Of a result whose call is not over, for tasks of event loops: see ipcbridge._serve.streams.
  PyObject* beside;    // what waits on a thread, or null
  char is_waited_for;  // it does, or nobody has taken yet what came of that
  ItemRest rest;
  BatchReader reader;
};

Object* self_of(PyObject* object) { return reinterpret_cast<Object*>(object); }

// Whoever waits for its items is to do what its call asks.
bool is_beside_call(const Object* self) {
  return self->arguments != nullptr && self->arguments->needs_waiting_thread();
}

// The last of a result's streams ends what the call's arguments have not.
void leave_arguments(Object* self) {
  const std::shared_ptr<PassedArguments> arguments = std::move(self->arguments);
  self->arguments.reset();
  if (arguments != nullptr && arguments.use_count() == 1) {
    const RaisedAside aside;
    arguments->end();
  }
}

void leave(Object* self) {
  leave_arguments(self);
  if (self->queue == nullptr) return;
  const std::shared_ptr<StreamQueue> queue = std::move(self->queue);
  self->queue.reset();
  if (self->binding->is_alive()) self->binding->leave_stream(*queue);
}

// The end of it: false, with an exception set unless it came to its end.
bool finish(Object* self) {
  const std::shared_ptr<StreamQueue> queue = std::move(self->queue);
  self->queue.reset();
  leave_arguments(self);
  const StreamEnd& end = queue->how();
  if (end.code != Code::kOk) set_stream_error(end, self->keeper);
  return false;
}

// The items of the batch have all been read: their place in the window is free.
void give_back(Object* self) {
  if (self->reader.batch().count == 0) return;
  self->binding->alive().driver().consume_stream(self->queue->key(), self->reader.batch().count,
                                                 self->reader.batch().bytes);
  self->reader.clear();
}

// It has gone beyond its limits: false, with an exception set.
bool expire(Object* self) {
  self->reader.clear();
  leave(self);
  set_late_error(self->limits, self->keeper, Clock::now());
  return false;
}

// Whether there is an item to read, now or after a wait: false with an exception set, or at the end.
bool fetch(Object* self, bool waits) {
  if (self->is_waiting) {
    set_python_error({Code::kFailedPrecondition, "another reader waits for this stream's next item"});
    return false;
  }
  if (!self->rest.empty() || self->reader.has_item()) return true;
  for (;;) {
    if (self->queue == nullptr) return false;
    BlockingDriver* driver = nullptr;
    try {
      driver = &self->binding->alive();
      give_back(self);
    } catch (py::error_already_set& error) {
      error.restore();
      return false;
    }
    if (Clock::now() >= self->limits.deadline) return expire(self);
    StreamQueue::Batch batch;
    if (self->queue->take(batch)) {
      self->reader.begin(std::move(batch));
      return true;
    }
    if (!waits) return false;
    if (self->queue->has_ended()) return finish(self);
    const std::shared_ptr<StreamQueue> queue = self->queue;
    const Interrupted interrupted = interrupted_by_signals();
    const BlockingDriverBinding::Visit visit(*self->binding);
    std::shared_ptr<PassedArguments> arguments = self->arguments;
    self->is_waiting = true;
    PyThreadState* state = PyEval_SaveThread();
    LocalWork* const local = is_beside_call(self) ? arguments.get() : nullptr;
    if (local != nullptr) CallArguments::waits_with(state);
    const Result<BlockingDriver::NextItems> got =
        driver->next_items(*queue, batch, self->limits.until(Clock::now()), interrupted, local);
    PyEval_RestoreThread(local == nullptr ? state : CallArguments::state());
    self->is_waiting = false;
    if (arguments != nullptr && arguments.use_count() == 1) {  // it was closed meanwhile
      const RaisedAside aside;
      arguments->end();
    }
    arguments.reset();
    if (PyErr_Occurred() != nullptr) return false;  // Ctrl-C
    if (!got.ok()) {
      set_python_error(got.error());
      return false;
    }
    if (got.value() == BlockingDriver::NextItems::kTimeout && self->queue != nullptr) return expire(self);
    if (got.value() != BlockingDriver::NextItems::kItems || self->queue == nullptr) continue;
    self->reader.begin(std::move(batch));
    return true;
  }
}

// Once fetch() has said that there is one. What read() has left of an item comes first.
PyObject* take_fetched(Object* self) { return self->rest.empty() ? self->reader.read() : self->rest.take(); }

PyObject* next(PyObject* object) {
  Object* self = self_of(object);
  return fetch(self, true) ? take_fetched(self) : nullptr;
}

// ---- for tasks of event loops, such as async handlers of ipc.serve ----

PyObject* wait(PyObject* object, PyObject* /*unused*/) {
  if (!fetch(self_of(object), true) && PyErr_Occurred() != nullptr) return nullptr;
  Py_RETURN_NONE;
}

bool has_ended(const Object* self) { return self->queue == nullptr || self->queue->has_ended(); }

PyObject* expect(PyObject* object, PyObject* arrivals) {
  Object* self = self_of(object);
  if (fetch(self, false)) Py_RETURN_NONE;
  if (PyErr_Occurred() != nullptr) return nullptr;
  if (has_ended(self)) Py_RETURN_NONE;
  try {
    const Result<bool> waits = self->queue->tell(py::handle(arrivals).cast<std::shared_ptr<StreamArrivals>>());
    if (!waits.ok()) {
      set_python_error(waits.error());
      return nullptr;
    }
    if (!waits.value()) Py_RETURN_NONE;
  } catch (const std::exception& error) {  // no StreamArrivals, or no memory
    PyErr_SetString(PyExc_TypeError, error.what());
    return nullptr;
  }
  const StreamKey& key = self->queue->key();
  return Py_BuildValue("(KK)", static_cast<unsigned long long>(key.connection),
                       static_cast<unsigned long long>(key.id));
}

PyObject* stop_expecting(PyObject* object, PyObject* /*unused*/) {
  const Object* self = self_of(object);
  if (self->queue != nullptr) self->queue->stop_telling();
  Py_RETURN_NONE;
}

PyObject* patience(PyObject* object, PyObject* /*unused*/) { return patience_of(self_of(object)->limits); }

// What has come just now is in time.
PyObject* expire_now(PyObject* object, PyObject* /*unused*/) {
  Object* self = self_of(object);
  const bool is_late = !fetch(self, false) && PyErr_Occurred() == nullptr && !has_ended(self);
  if (is_late) expire(self);
  if (PyErr_Occurred() != nullptr) return nullptr;
  Py_RETURN_NONE;
}

PyObject* take_item(PyObject* object) {
  if (fetch(self_of(object), false)) return take_fetched(self_of(object));
  if (PyErr_Occurred() == nullptr) set_python_error({Code::kFailedPrecondition, "another task has taken this item"});
  return nullptr;
}

// What is there is given at once.
PyObject* next_on_loop(PyObject* object) {
  Object* self = self_of(object);
  const bool is_waited_for = self->is_waited_for != 0;
  if (!is_waited_for) {
    if (fetch(self, false)) return new_ready_item(object, &take_item);
    if (PyErr_Occurred() != nullptr) return nullptr;
    if (has_ended(self)) {
      if (self->queue != nullptr) finish(self);
      if (PyErr_Occurred() == nullptr) PyErr_SetNone(PyExc_StopAsyncIteration);
      return nullptr;
    }
  }
  PyObject* streams = PyImport_ImportModule("ipcbridge._serve.streams");
  if (streams == nullptr) return nullptr;
  const char* const wait = is_waited_for || is_beside_call(self) ? "next_item_beside_call" : "next_item";
  PyObject* awaitable = PyObject_CallMethod(streams, wait, "O", object);
  Py_DECREF(streams);
  return awaitable;
}

PyObject* close(PyObject* object, PyObject* /*unused*/) {
  Object* self = self_of(object);
  self->is_closed = true;
  self->rest.clear();
  self->reader.clear();
  leave(self);
  Py_RETURN_NONE;
}

// ---- as a file, where the items are bytes ----

PyObject* end(PyObject* object) { return close(object, nullptr); }

PyObject* read(PyObject* object, PyObject* args) {
  PyObject* bytes = read_bytes(object, args, self_of(object)->rest, &next, &end);
  if (self_of(object)->is_closed) self_of(object)->rest.clear();  // by an item that is no bytes
  return bytes;
}

PyObject* read1(PyObject* object, PyObject* args) {
  return read_some_bytes(object, args, self_of(object)->rest, &next, &end);
}

PyObject* readinto(PyObject* object, PyObject* buffer) {
  return read_into(object, buffer, self_of(object)->rest, &next, &end);
}

PyObject* yes(PyObject* /*object*/, PyObject* /*unused*/) { Py_RETURN_TRUE; }
PyObject* no(PyObject* /*object*/, PyObject* /*unused*/) { Py_RETURN_FALSE; }
PyObject* nothing(PyObject* /*object*/, PyObject* /*unused*/) { Py_RETURN_NONE; }

PyObject* get_closed(PyObject* object, void* /*unused*/) { return PyBool_FromLong(self_of(object)->is_closed ? 1 : 0); }

PyObject* enter(PyObject* object, PyObject* /*unused*/) { return new_reference(object); }

PyObject* represent(PyObject* object) {
  return PyUnicode_FromString(self_of(object)->queue == nullptr ? "<stream, ended>" : "<stream>");
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self_of(object)->driver_object);
  Py_VISIT(self_of(object)->keeper);
  Py_VISIT(self_of(object)->beside);
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  Object* self = self_of(object);
  leave(self);
  self->queue.~shared_ptr();
  self->arguments.~shared_ptr();
  self->reader.~BatchReader();
  self->rest.clear();
  Py_XDECREF(self->beside);
  Py_XDECREF(self->keeper);
  Py_DECREF(self->driver_object);
  type->tp_free(object);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"close", &close, METH_NOARGS, "Wants no more of it: whatever makes its items is ended."},
    {"read", &read, METH_VARARGS,
     "read(size=-1): so many bytes of a stream of bytes, fewer at its end; all to its end where size is negative or "
     "None. Raises IpcError: 'failed_precondition' where an item is no bytes, which ends the stream; and as reading "
     "items does."},
    {"read1", &read1, METH_VARARGS,
     "read1(size=-1): at least one byte, as soon as there are any, and at most so many; b'' at the end. As read()."},
    {"readinto", &readinto, METH_O,
     "readinto(buffer): the same into a writable buffer. Returns how many bytes; 0 at the end."},
    {"readable", &yes, METH_NOARGS, "True."},
    {"writable", &no, METH_NOARGS, "False."},
    {"seekable", &no, METH_NOARGS, "False."},
    {"flush", &nothing, METH_NOARGS, "Does nothing; the classes of io call it."},
    {"wait", &wait, METH_NOARGS, "Waits until there is an item, or the end."},
    {"expect", &expect, METH_O,
     "expect(arrivals): what a StreamArrivals calls this when there is an item, or the end; None when there is "
     "already."},
    {"stop_expecting", &stop_expecting, METH_NOARGS, "It is told of this no more."},
    {"patience", &patience, METH_NOARGS, "How many seconds the next item may take; None: any time."},
    {"expire", &expire_now, METH_NOARGS,
     "Ends this, and raises IpcError('deadline_exceeded'), unless there is an item, or the end."},
    {"__enter__", &enter, METH_NOARGS, nullptr},
    {"__exit__", &close, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef properties[] = {
    {"closed", &get_closed, nullptr, "Whether close() has been called.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMemberDef members[] = {
    {"beside", T_OBJECT, offsetof(Object, beside), 0, nullptr},
    {"is_waited_for", T_BOOL, offsetof(Object, is_waited_for), 0, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(&dealloc)},
    {Py_tp_getset, properties},
    {Py_tp_traverse, slot(&traverse)},
    {Py_tp_iter, slot(&PyObject_SelfIter)},
    {Py_tp_iternext, slot(&next)},
    {Py_am_aiter, slot(&PyObject_SelfIter)},
    {Py_am_anext, slot(&next_on_loop)},
    {Py_tp_repr, slot(&represent)},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge._native.Stream", static_cast<int>(sizeof(Object)), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots,
};

}  // namespace

bool is_received_stream(PyObject* value) { return Py_TYPE(value) == type_of_streams || is_loop_stream(value); }

BlockingStreams::~BlockingStreams() {
  for (const std::shared_ptr<StreamQueue>& queue : queues_) {
    if (queue != nullptr && binding_.is_alive()) binding_.leave_stream(*queue);
  }
  if (arguments_ != nullptr && arguments_.use_count() == 1) arguments_->end();
}

PyObject* BlockingStreams::make(std::uint32_t place) {
  if (place >= queues_.size() || queues_[place] == nullptr) return nullptr;
  Object* self = PyObject_GC_New(Object, type_of_streams);
  if (self == nullptr) return nullptr;
  new (&self->reader) BatchReader();
  self->driver_object = py::cast(&binding_).release().ptr();  // the object that it has
  self->binding = &binding_;
  self->keeper = keeper_;
  Py_XINCREF(keeper_);
  new (&self->queue) std::shared_ptr<StreamQueue>(std::move(queues_[place]));
  new (&self->arguments) std::shared_ptr<PassedArguments>(arguments_);
  new (&self->limits) StreamLimits(limits_);
  self->is_waiting = false;
  self->is_closed = false;
  self->beside = nullptr;
  self->is_waited_for = 0;
  self->rest = {};
  queues_[place] = nullptr;
  auto* object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  return object;
}

void add_stream_type(py::module_& module) {
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  type_of_streams = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  type_of_streams->tp_new = nullptr;  // made of what arrives only
  module.attr("Stream") = type;
}

}  // namespace ipcbridge::python
