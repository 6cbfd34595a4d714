#pragma once

#include <cstdint>

#include <pybind11/pybind11.h>

#include "bindings/python/answer.hpp"
#include "bindings/python/responder.hpp"
#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"

namespace ipcbridge::python {

// ipcbridge._native.StreamProducer: what makes the items of a stream, from its begin to its end. Guarded by the GIL.
// Made by PyObject_GC_New, which runs no constructor.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
struct StreamProducer {
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
  Attachments attachments;
};

inline StreamProducer* producer_of(PyObject* object) { return reinterpret_cast<StreamProducer*>(object); }

// It is among the responder's until its end. Null with an exception set.
StreamProducer* new_producer(Responder& responder, PyObject* driver, PyObject* call, PyObject* failed,
                             const StreamKey& key, PyObject* source);

// It is over: the peer is told, unless it knows.
void forget_producer(StreamProducer* self);

// Whoever reads it has gone: what it cleans up, it cleans up now.
void close_iterator(StreamProducer* self);

// Ends the stream with the exception that is set.
void fail_stream(StreamProducer* self, Stage stage);

void add_stream_producer_type(pybind11::module_& module);

}  // namespace ipcbridge::python
