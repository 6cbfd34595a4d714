#include "bindings/python/stream_task.hpp"

#include <string>
#include <utility>

#include "bindings/python/bytes.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/inbound_call_object.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/stream_message.hpp"

namespace ipcbridge::python::stream_task {
namespace {

// An iterator that takes longer for an item is slow: its reader gets each item at once.
constexpr Duration kSlowStep = std::chrono::microseconds(200);

// Whether the items before this one have come so fast that it may wait for others, until the task waits for something.
bool may_wait(StreamProducer* self) {
  if (self->later == nullptr) return false;
  const TimePoint now = Clock::now();
  return now - std::exchange(self->last_put, now) < kSlowStep;
}

// Sends what put() has kept: it keeps no more than there is room for.
Progress flush_items(StreamProducer* self) { return self->unsent == 0 ? Progress::kGoOn : send_message(self); }

// The same after an item that begins at `last`: where it is too long for a message, those before it are sent.
Progress flush_behind(StreamProducer* self, std::size_t last) {
  const std::uint32_t count = self->unsent;
  const Progress progress = send_message(self);
  if (progress == Progress::kOver && PyErr_Occurred() != nullptr && count > 1) {
    const RaisedAside aside;
    self->body.resize(last);
    self->unsent = count - 1;
    if (send_message(self) == Progress::kOver) PyErr_Clear();
  }
  return progress;
}

// What put() and room() tell.
PyObject* told(StreamProducer* self, Progress progress) {
  if (progress != Progress::kOver) return PyBool_FromLong(progress == Progress::kGoOn ? 1 : 0);
  if (PyErr_Occurred() != nullptr) return nullptr;
  note_cancelled(self->call);
  Py_RETURN_NONE;
}

void flush_or_fail(StreamProducer* self) {
  if (self->responder == nullptr || flush_items(self) != Progress::kOver) return;
  if (PyErr_Occurred() != nullptr) fail_stream(self, Stage::kItem);
}

}  // namespace

PyObject* put(PyObject* object, PyObject* item) {
  StreamProducer* self = producer_of(object);
  if (self->responder == nullptr) Py_RETURN_NONE;
  if (self->room == 0) {
    const Progress progress = note_room(self, self->responder->stream_room(self->key));
    if (progress != Progress::kGoOn) return told(self, progress);
  }
  const std::size_t last = self->body.size();
  if (!add_item(self, item)) {
    if (PyErr_Occurred() != nullptr) return nullptr;
    Py_RETURN_NONE;
  }
  if (!may_wait(self) || is_full(self)) {
    return told(self, flush_behind(self, last) == Progress::kOver ? Progress::kOver : Progress::kGoOn);
  }
  if (self->unsent == 1 && !succeeded(PyObject_CallNoArgs(self->later))) return nullptr;
  return told(self, Progress::kGoOn);
}

PyObject* flush(PyObject* object, PyObject* /*unused*/) {
  flush_or_fail(producer_of(object));
  Py_RETURN_NONE;
}

PyObject* room(PyObject* object, PyObject* /*unused*/) {
  StreamProducer* self = producer_of(object);
  if (self->responder == nullptr) Py_RETURN_NONE;
  return told(self, note_room(self, self->responder->stream_room(self->key)));
}

PyObject* on_wake(PyObject* object, PyObject* args) {
  PyObject* wake = nullptr;
  PyObject* later = Py_None;
  if (PyArg_ParseTuple(args, "O|O:on_wake", &wake, &later) == 0) return nullptr;
  StreamProducer* self = producer_of(object);
  if (self->responder == nullptr) Py_RETURN_NONE;
  Py_XDECREF(std::exchange(self->wake, new_reference(wake)));
  Py_XDECREF(std::exchange(self->later, later == Py_None ? nullptr : new_reference(later)));
  Py_RETURN_NONE;
}

PyObject* end(PyObject* object, PyObject* /*unused*/) {
  flush_or_fail(producer_of(object));
  forget_producer(producer_of(object));
  Py_RETURN_NONE;
}

PyObject* end_with(PyObject* object, PyObject* args) {
  int code = 0;
  const char* message = nullptr;
  Py_ssize_t size = 0;
  PyObject* details = nullptr;
  if (PyArg_ParseTuple(args, "is#S:end_with", &code, &message, &size, &details) == 0) return nullptr;
  StreamProducer* self = producer_of(object);
  if (self->responder == nullptr) Py_RETURN_NONE;
  const Error error{code_from_number(static_cast<std::uint8_t>(code)).value_or(Code::kUnknown),
                    std::string(message, static_cast<std::size_t>(size))};
  if (flush_items(self) == Progress::kOver) PyErr_Clear();  // of two errors the first
  self->responder->end_stream(self->key, &error, view(details));
  close_iterator(self);
  forget_producer(self);
  Py_RETURN_NONE;
}

}  // namespace ipcbridge::python::stream_task
