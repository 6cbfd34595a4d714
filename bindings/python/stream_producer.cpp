#include "bindings/python/stream_producer.hpp"

#include "bindings/python/answer.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/inbound_call_object.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/stream_errors.hpp"
#include "bindings/python/stream_message.hpp"
#include "bindings/python/stream_producer_object.hpp"
#include "bindings/python/stream_source.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// How long a generator may go on before others get their turn on its thread.
constexpr Duration kSlice = std::chrono::milliseconds(5);

// Ctrl-C on the user's own thread ends the call that the thread waits for, and is raised by it.
bool is_interrupt(const StreamProducer* self) {
  return self->call == Py_None && PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) != 0;
}

void interrupt(StreamProducer* self) {
  const RaisedAside aside;
  const Error why{Code::kCancelled, "the call was interrupted"};
  self->responder->end_stream(self->key, &why, {});
  close_iterator(self);
  forget_producer(self);
}

// The iterator has given no item; an exception is set if it has raised one.
void finish(StreamProducer* self) {
  if (PyErr_Occurred() != nullptr && PyErr_ExceptionMatches(PyExc_StopIteration) != 0) PyErr_Clear();
  if (PyErr_Occurred() == nullptr) {
    Py_CLEAR(self->iterator);
    forget_producer(self);
  } else if (is_interrupt(self)) {
    interrupt(self);
  } else {
    fail_stream(self, Stage::kHandler);
  }
}

Progress produce(StreamProducer* self) {
  PyObject* iterator = self->iterator;
  PyObject* item = Py_TYPE(iterator)->tp_iternext(iterator);
  if (item == nullptr) {
    finish(self);
    return Progress::kOver;
  }
  const bool added = add_item(self, item);
  Py_DECREF(item);
  if (self->responder == nullptr) return Progress::kOver;
  const Progress progress = added ? send_message(self) : Progress::kOver;
  if (progress != Progress::kOver) return progress;
  if (PyErr_Occurred() != nullptr) {
    fail_stream(self, Stage::kItem);
  } else {
    note_cancelled(self->call);
    close_iterator(self);
    forget_producer(self);
  }
  return Progress::kOver;
}

bool has_room(StreamProducer* self) {
  const Result<StreamRoom> room = self->responder->stream_room(self->key);
  if (room.ok()) return !room.value().empty();
  note_cancelled(self->call);
  close_iterator(self);
  forget_producer(self);
  return false;
}

// In the context of its call.
void run(StreamProducer* self) {
  const TimePoint end = Clock::now() + kSlice;
  if (self->room == 0 && !has_room(self)) return;
  for (;;) {
    if (produce(self) != Progress::kGoOn) return;
    if (Clock::now() >= end) {
      self->room = 0;  // to be asked anew: its reader may have gone meanwhile
      self->responder->resume_later(self->key);
      return;
    }
  }
}

bool leave_context(StreamProducer* self) {
  if (PyErr_Occurred() == nullptr) return PyContext_Exit(self->context) == 0;
  const RaisedAside aside;
  PyContext_Exit(self->context);
  return false;
}

// What makes the items may be waiting for this: see ipcbridge._serve.cancellation. False with an exception set.
bool tell_cancelled(PyObject* call) {
  note_cancelled(call);
  if (call == Py_None || is_answered(call)) return true;
  const auto server = py::reinterpret_steal<py::object>(PyObject_GetAttrString(call, "server"));
  if (!server) return false;
  const auto waiters = py::reinterpret_steal<py::object>(PyObject_GetAttrString(server.ptr(), "waiters"));
  if (!waiters) return false;
  const RequestKey& key = inbound_call_of(call).key;
  return succeeded(PyObject_CallMethod(waiters.ptr(), "tell", "((KK))", static_cast<unsigned long long>(key.connection),
                                       static_cast<unsigned long long>(key.id)));
}

// False with an exception set.
bool go_on(StreamProducer* self) {
  if (self->is_running) {
    self->is_due = true;
    return self->responder->stream_room(self->key).ok() || tell_cancelled(self->call);
  }
  const auto held = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(self));
  if (PyContext_Enter(self->context) != 0) return false;
  self->is_running = true;
  do {
    self->is_due = false;
    run(self);
  } while (self->is_due && self->iterator != nullptr);
  self->is_running = false;
  return leave_context(self);
}

bool resume_async(StreamProducer* self) {
  if (self->wake == nullptr) return true;
  const bool is_over = !self->responder->stream_room(self->key).ok();
  const auto wake = py::reinterpret_borrow<py::object>(self->wake);
  return succeeded(PyObject_CallOneArg(wake.ptr(), is_over ? Py_True : Py_False));
}

// A stream that could not begin ends all the same: its reader waits for that.
void abandon(Responder& responder, PyObject* call, const StreamKey& stream, PyObject* source) {
  const RaisedAside aside;
  if (responder.producers().contains(stream)) return close_stream(responder, stream);
  close_source(source);
  const Error why{Code::kInternal, "the stream could not begin"};
  responder.end_stream(stream, &why, {});
  end_call(call);
}

// begin(key, source) for each, until one fails; neither that nor those behind it begin. Takes the references.
template <typename Begin>
bool begin_each(Responder& responder, PyObject* call, const StreamKey& first, const std::vector<PyObject*>& sources,
                Begin begin) {
  bool complete = true;
  for (std::size_t place = 0; place < sources.size(); ++place) {
    const auto source = py::reinterpret_steal<py::object>(sources[place]);
    const StreamKey key{first.connection, first.id + place};
    complete = complete && begin(key, source.ptr());
    if (!complete) abandon(responder, call, key, source.ptr());
  }
  return complete;
}

}  // namespace

void close_stream(Responder& responder, const StreamKey& stream) {
  const auto found = responder.producers().find(stream);
  if (found == responder.producers().end()) return;
  const auto held = py::reinterpret_borrow<py::object>(found->second);
  StreamProducer* self = producer_of(held.ptr());
  const Error why{Code::kCancelled, "the call has ended"};
  responder.end_stream(stream, &why, {});
  if (self->wake != nullptr) {  // its task cleans up
    if (!resume_async(self)) PyErr_WriteUnraisable(held.ptr());
    return;
  }
  close_iterator(self);
  forget_producer(self);
}

void close_streams_of(Responder& responder, ServerId server) {
  std::vector<StreamKey> streams;
  for (const auto& [stream, producer] : responder.producers()) {
    StreamProducer* self = producer_of(producer);
    if (self->is_async || self->call == Py_None || server_of(self->call) != server) continue;
    if (self->is_running) {
      self->is_due = true;  // it looks once more before it is put aside, where nobody would resume it
    } else {
      streams.push_back(stream);
    }
  }
  for (const StreamKey& stream : streams) close_stream(responder, stream);
}

bool begin_streams(Responder& responder, PyObject* driver, PyObject* call, PyObject* failed,
                   const OpenedStreams& opened, const std::vector<PyObject*>& sources) {
  return begin_each(responder, call, opened.first, sources, [&](const StreamKey& key, PyObject* source) {
    StreamProducer* self = new_producer(responder, driver, call, failed, key, source);
    const auto held = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(self));
    if (self == nullptr) return false;
    self->room = opened.room.empty() ? 0 : opened.room.items;
    return self->is_async ? succeeded(answer_with_stage(call, Stage::kAsyncStream, held.ptr(), failed)) : go_on(self);
  });
}

bool begin_streams_in_tasks(Responder& responder, PyObject* driver, PyObject* start, const StreamKey& first,
                            const std::vector<PyObject*>& sources) {
  return begin_each(responder, Py_None, first, sources, [&](const StreamKey& key, PyObject* source) {
    StreamProducer* self = new_producer(responder, driver, Py_None, stream_failed(), key, source);
    const auto held = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(self));
    if (self != nullptr) self->is_async = true;
    return self != nullptr && succeeded(PyObject_CallOneArg(start, held.ptr()));
  });
}

bool runs_on_threads(Responder& responder, const StreamKey& stream) {
  const auto found = responder.producers().find(stream);
  return found != responder.producers().end() && !producer_of(found->second)->is_async;
}

bool resume_stream(Responder& responder, const StreamKey& stream) {
  const auto found = responder.producers().find(stream);
  if (found == responder.producers().end()) return true;
  const auto held = py::reinterpret_borrow<py::object>(found->second);
  StreamProducer* self = producer_of(held.ptr());
  return self->is_async ? resume_async(self) : go_on(self);
}

}  // namespace ipcbridge::python
