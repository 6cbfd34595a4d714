#define PY_SSIZE_T_CLEAN
#include "bindings/python/stream_producer.hpp"

#include <cstring>
#include <new>
#include <utility>

#include "bindings/python/bytes.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/inbound_call_object.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/stream_errors.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/encoder.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// How long a generator may go on before others get their turn on its thread.
constexpr Duration kSlice = std::chrono::milliseconds(5);

// Of a message with several items.
constexpr std::uint32_t kMostItems = 512;
constexpr std::size_t kMostBytes = 16UL * 1024;
// An iterator that takes longer for an item is slow: its reader gets each item at once.
constexpr Duration kSlowStep = std::chrono::microseconds(200);

PyTypeObject* type_of_producers = nullptr;

// Made by PyObject_GC_New, which runs no constructor.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
struct Object {
  PyObject_HEAD Responder* responder;
  PyObject* driver;    // keeps the responder alive
  PyObject* call;      // whose result the stream is, or is in
  PyObject* failed;    // see begin_streams()
  PyObject* context;   // the call's
  PyObject* iterator;  // null: it is over
  PyObject* wake;      // of an asynchronous one: wake(is_over) is called when it may go on
  PyObject* later;  // of one whose items may be sent together: later() has flush() called when its task waits; or null
  bool is_async;
  bool is_running;
  bool is_due;  // it was to be resumed while it ran
  StreamKey key;
  std::uint32_t unsent;  // items in the message
  std::uint64_t room;    // how many items may be sent, as far as is known
  TimePoint last_put;
  Buffer body;  // the message
};

Object* self_of(PyObject* object) { return reinterpret_cast<Object*>(object); }

// It is over: the peer is told, unless it knows.
void forget(Object* self) {
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

// Whoever reads it has gone: what it cleans up, it cleans up now.
void close_iterator(Object* self) {
  PyObject* iterator = std::exchange(self->iterator, nullptr);
  if (iterator == nullptr) return;
  close_source(iterator);
  Py_DECREF(iterator);
}

// Ends the stream with the exception that is set.
void fail(Object* self, Stage stage) {
  const auto held = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(self));
  PyObject* outcome = answer_with_error(self->call, stage, held.ptr(), self->failed);
  if (!succeeded(outcome)) PyErr_WriteUnraisable(held.ptr());
  close_iterator(self);
  forget(self);
}

enum class Step : std::uint8_t { kGoOn, kWait, kOver };

Step heed(Object* self, const Result<StreamRoom>& room) {
  self->room = room.ok() && !room.value().empty() ? room.value().items : 0;
  if (room.ok()) return self->room == 0 ? Step::kWait : Step::kGoOn;
  if (room.error().code != Code::kCancelled) set_python_error(room.error());
  return Step::kOver;
}

// Sends the message. kOver with an exception set when it cannot be sent, without one when nobody reads the stream any
// more.
Step send(Object* self) {
  std::memcpy(self->body.data(), &self->unsent, sizeof self->unsent);
  self->unsent = 0;
  return heed(self, self->responder->send_items(self->key, self->body));
}

// Adds an item to the message. False with an exception set when it cannot be sent; without one when the service has
// ended meanwhile.
bool add_item(Object* self, PyObject* item) {
  const char* const root = "item";
  return with_codec_errors(root, [&] {
    Encoder encoder;
    encoder.put_value(item);
    if (self->responder == nullptr) return false;
    const ConstBytes value = encoder.contents();
    if (self->unsent == 0) self->body.assign(kItemsPrefixBytes, std::byte{0});
    const std::size_t before = self->body.size();
    try {
      append(self->body, static_cast<std::uint32_t>(value.size()));
      append(self->body, value);
    } catch (...) {
      self->body.resize(before);
      throw;
    }
    ++self->unsent;
    return true;
  });
}

Step produce(Object* self) {
  PyObject* iterator = self->iterator;
  PyObject* item = Py_TYPE(iterator)->tp_iternext(iterator);
  if (item == nullptr) {
    if (PyErr_Occurred() != nullptr && PyErr_ExceptionMatches(PyExc_StopIteration) != 0) PyErr_Clear();
    if (PyErr_Occurred() != nullptr) {
      fail(self, Stage::kHandler);
    } else {
      Py_CLEAR(self->iterator);
      forget(self);
    }
    return Step::kOver;
  }
  const bool added = add_item(self, item);
  Py_DECREF(item);
  if (self->responder == nullptr) return Step::kOver;
  const Step step = added ? send(self) : Step::kOver;
  if (step != Step::kOver) return step;
  if (PyErr_Occurred() != nullptr) {
    fail(self, Stage::kItem);
  } else {
    note_cancelled(self->call);
    close_iterator(self);
    forget(self);
  }
  return Step::kOver;
}

bool has_room(Object* self) {
  const Result<StreamRoom> room = self->responder->stream_room(self->key);
  if (room.ok()) return !room.value().empty();
  note_cancelled(self->call);
  close_iterator(self);
  forget(self);
  return false;
}

// In the context of its call.
void run(Object* self) {
  const TimePoint end = Clock::now() + kSlice;
  if (!has_room(self)) return;
  for (;;) {
    if (produce(self) != Step::kGoOn) return;
    if (Clock::now() >= end) {
      self->responder->resume_later(self->key);
      return;
    }
  }
}

// False with an exception set.
bool go_on(Object* self) {
  if (self->is_running) {
    self->is_due = true;
    return true;
  }
  const auto held = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(self));
  if (PyContext_Enter(self->context) != 0) return false;
  self->is_running = true;
  do {
    self->is_due = false;
    run(self);
  } while (self->is_due && self->iterator != nullptr);
  self->is_running = false;
  return PyContext_Exit(self->context) == 0;
}

bool resume_async(Object* self) {
  if (self->wake == nullptr) return true;
  const bool is_over = !self->responder->stream_room(self->key).ok();
  const auto wake = py::reinterpret_borrow<py::object>(self->wake);
  return succeeded(PyObject_CallOneArg(wake.ptr(), is_over ? Py_True : Py_False));
}

// What it is: the iterator, and whether it is asynchronous. Null with an exception set.
PyObject* iterator_of(PyObject* source, bool& is_async) {
  if (PyAsyncGen_CheckExact(source) != 0) {
    is_async = true;
    return new_reference(source);
  }
  if (PyIter_Check(source) != 0) return new_reference(source);
  PyObject* answer = PyObject_GetAttrString(source, "is_async");
  if (answer == nullptr) return nullptr;
  is_async = answer == Py_True;
  Py_DECREF(answer);
  return PyObject_GetAttrString(source, "iterator");
}

Object* new_producer(Responder& responder, PyObject* driver, PyObject* call, PyObject* failed, const StreamKey& key,
                     PyObject* source) {
  bool is_async = false;
  PyObject* iterator = iterator_of(source, is_async);
  PyObject* context = iterator == nullptr ? nullptr : PyContext_CopyCurrent();
  Object* self = context == nullptr ? nullptr : PyObject_GC_New(Object, type_of_producers);
  if (self == nullptr) {
    Py_XDECREF(iterator);
    Py_XDECREF(context);
    return nullptr;
  }
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
  auto* object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  responder.producers().emplace(key, object);
  Py_INCREF(object);
  return self;
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

// ---- for a task: put(item) -> whether there was room for it, None when nobody reads any more ----

// Whether the items before this one have come so fast that it may wait for others, until the task waits for something.
bool may_wait(Object* self) {
  if (self->later == nullptr) return false;
  const TimePoint now = Clock::now();
  return now - std::exchange(self->last_put, now) < kSlowStep;
}

// Sends what put() has kept: it keeps no more than there is room for.
Step flush_items(Object* self) { return self->unsent == 0 ? Step::kGoOn : send(self); }

// The same after an item that begins at `last`: where it is too long for a message, those before it are sent.
Step flush_behind(Object* self, std::size_t last) {
  const std::uint32_t count = self->unsent;
  const Step step = send(self);
  if (step == Step::kOver && PyErr_Occurred() != nullptr && count > 1) {
    const RaisedAside aside;
    self->body.resize(last);
    self->unsent = count - 1;
    if (send(self) == Step::kOver) PyErr_Clear();
  }
  return step;
}

// What put() and room() tell.
PyObject* told(Object* self, Step step) {
  if (step != Step::kOver) return PyBool_FromLong(step == Step::kGoOn ? 1 : 0);
  if (PyErr_Occurred() != nullptr) return nullptr;
  note_cancelled(self->call);
  Py_RETURN_NONE;
}

PyObject* put(PyObject* object, PyObject* item) {
  Object* self = self_of(object);
  if (self->responder == nullptr) Py_RETURN_NONE;
  if (self->room == 0) {
    const Step step = heed(self, self->responder->stream_room(self->key));
    if (step != Step::kGoOn) return told(self, step);
  }
  const std::size_t last = self->body.size();
  if (!add_item(self, item)) {
    if (PyErr_Occurred() != nullptr) return nullptr;
    Py_RETURN_NONE;
  }
  const bool is_full = self->unsent >= self->room || self->unsent >= kMostItems || self->body.size() >= kMostBytes;
  if (!may_wait(self) || is_full) {
    return told(self, flush_behind(self, last) == Step::kOver ? Step::kOver : Step::kGoOn);
  }
  if (self->unsent == 1 && !succeeded(PyObject_CallNoArgs(self->later))) return nullptr;
  return told(self, Step::kGoOn);
}

void flush_or_fail(Object* self) {
  if (self->responder == nullptr || flush_items(self) != Step::kOver) return;
  if (PyErr_Occurred() != nullptr) fail(self, Stage::kItem);
}

PyObject* flush(PyObject* object, PyObject* /*unused*/) {
  flush_or_fail(self_of(object));
  Py_RETURN_NONE;
}

PyObject* room(PyObject* object, PyObject* /*unused*/) {
  Object* self = self_of(object);
  if (self->responder == nullptr) Py_RETURN_NONE;
  return told(self, heed(self, self->responder->stream_room(self->key)));
}

PyObject* on_wake(PyObject* object, PyObject* args) {
  PyObject* wake = nullptr;
  PyObject* later = Py_None;
  if (PyArg_ParseTuple(args, "O|O:on_wake", &wake, &later) == 0) return nullptr;
  Object* self = self_of(object);
  if (self->responder == nullptr) Py_RETURN_NONE;
  Py_XDECREF(std::exchange(self->wake, new_reference(wake)));
  Py_XDECREF(std::exchange(self->later, later == Py_None ? nullptr : new_reference(later)));
  Py_RETURN_NONE;
}

PyObject* end(PyObject* object, PyObject* /*unused*/) {
  flush_or_fail(self_of(object));
  forget(self_of(object));
  Py_RETURN_NONE;
}

PyObject* end_with(PyObject* object, PyObject* args) {
  int code = 0;
  const char* message = nullptr;
  Py_ssize_t size = 0;
  PyObject* details = nullptr;
  if (PyArg_ParseTuple(args, "is#S:end_with", &code, &message, &size, &details) == 0) return nullptr;
  Object* self = self_of(object);
  if (self->responder == nullptr) Py_RETURN_NONE;
  const Error error{code_from_number(static_cast<std::uint8_t>(code)).value_or(Code::kUnknown),
                    std::string(message, static_cast<std::size_t>(size))};
  if (flush_items(self) == Step::kOver) PyErr_Clear();  // of two errors the first
  self->responder->end_stream(self->key, &error, view(details));
  close_iterator(self);
  forget(self);
  Py_RETURN_NONE;
}

PyObject* get_iterator(PyObject* object, void* /*unused*/) {
  PyObject* iterator = self_of(object)->iterator;
  return new_reference(iterator == nullptr ? Py_None : iterator);
}

PyObject* get_call(PyObject* object, void* /*unused*/) { return new_reference(self_of(object)->call); }

int traverse(PyObject* object, visitproc visit, void* arg) {
  Object* self = self_of(object);
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
  Object* self = self_of(object);
  for (PyObject* held :
       {self->driver, self->call, self->failed, self->context, self->iterator, self->wake, self->later}) {
    Py_XDECREF(held);
  }
  self->body.~Buffer();
  type->tp_free(object);
  Py_DECREF(type);
}

PyGetSetDef properties[] = {
    {"iterator", &get_iterator, nullptr, "What makes the items; None when it is over.", nullptr},
    {"call", &get_call, nullptr, "Whose result it is.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMethodDef methods[] = {
    {"put", &put, METH_O,
     "Sends an item, or keeps it for flush(). False where there is no room: to be tried again after wake(). None when "
     "nobody reads any more. Raises IpcError for what cannot be sent."},
    {"room", &room, METH_NOARGS, "Whether there is room; None when nobody reads any more. If not, wake() is called."},
    {"on_wake", &on_wake, METH_VARARGS,
     "on_wake(wake, later=None): wake(is_over) is called, on any thread, when there is room or nobody reads any more. "
     "With `later`, put() may keep items of a fast iterator; later() is called when there are some, and has flush() "
     "called as soon as the task waits for something."},
    {"flush", &flush, METH_NOARGS, "Sends the items that put() has kept, where there is room. Does not raise."},
    {"end", &end, METH_NOARGS, "No more items follow."},
    {"end_with", &end_with, METH_VARARGS, "The same because of an error: its code's number, a message, details."},
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
    static_cast<int>(sizeof(Object)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    slots,
};

}  // namespace

void close_source(PyObject* source) {
  const RaisedAside aside;
  PyObject* close = PyObject_GetAttrString(source, "close");
  if (close == nullptr) {
    PyErr_Clear();
  } else if (!succeeded(PyObject_CallNoArgs(close))) {
    PyErr_WriteUnraisable(source);
  }
  Py_XDECREF(close);
}

void close_stream(Responder& responder, const StreamKey& stream) {
  const auto found = responder.producers().find(stream);
  if (found == responder.producers().end()) return;
  const auto held = py::reinterpret_borrow<py::object>(found->second);
  Object* self = self_of(held.ptr());
  const Error why{Code::kCancelled, "the call has ended"};
  responder.end_stream(stream, &why, {});
  close_iterator(self);
  forget(self);
}

void close_streams_of(Responder& responder, ServerId server) {
  std::vector<StreamKey> streams;
  for (const auto& [stream, producer] : responder.producers()) {
    Object* self = self_of(producer);
    if (self->is_async || self->call == Py_None || server_of(self->call) != server) continue;
    if (self->is_running) {
      self->is_due = true;  // it looks once more before it is put aside, where nobody would resume it
    } else {
      streams.push_back(stream);
    }
  }
  for (const StreamKey& stream : streams) close_stream(responder, stream);
}

bool begin_streams(Responder& responder, PyObject* driver, PyObject* call, PyObject* failed, const StreamKey& first,
                   const std::vector<PyObject*>& sources) {
  return begin_each(responder, call, first, sources, [&](const StreamKey& key, PyObject* source) {
    Object* self = new_producer(responder, driver, call, failed, key, source);
    const auto held = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(self));
    if (self == nullptr) return false;
    return self->is_async ? succeeded(answer_with_stage(call, Stage::kAsyncStream, held.ptr(), failed)) : go_on(self);
  });
}

bool begin_streams_in_tasks(Responder& responder, PyObject* driver, PyObject* start, const StreamKey& first,
                            const std::vector<PyObject*>& sources) {
  return begin_each(responder, Py_None, first, sources, [&](const StreamKey& key, PyObject* source) {
    Object* self = new_producer(responder, driver, Py_None, stream_failed(), key, source);
    const auto held = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(self));
    if (self != nullptr) self->is_async = true;
    return self != nullptr && succeeded(PyObject_CallOneArg(start, held.ptr()));
  });
}

int is_async_source(PyObject* source) {
  bool is_async = false;
  PyObject* iterator = iterator_of(source, is_async);
  if (iterator == nullptr) return -1;
  Py_DECREF(iterator);
  return is_async ? 1 : 0;
}

bool runs_on_threads(Responder& responder, const StreamKey& stream) {
  const auto found = responder.producers().find(stream);
  return found != responder.producers().end() && !self_of(found->second)->is_async;
}

bool resume_stream(Responder& responder, const StreamKey& stream) {
  const auto found = responder.producers().find(stream);
  if (found == responder.producers().end()) return true;
  const auto held = py::reinterpret_borrow<py::object>(found->second);
  Object* self = self_of(held.ptr());
  return self->is_async ? resume_async(self) : go_on(self);
}

void add_stream_producer_type(py::module_& module) {
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  type_of_producers = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  type_of_producers->tp_new = nullptr;
  module.attr("StreamProducer") = type;
}

}  // namespace ipcbridge::python
