#pragma once

#include <cstdint>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/responder.hpp"

namespace ipcbridge::python {

// What makes the items of a result's streams: a generator, or another iterator, is run where the result was returned,
// for as long as there is room, and goes on when there is room again: nothing waits on a thread. An asynchronous one is
// left to failed(call, Stage::kAsyncStream, source, producer), which sees to a task.
//
// Begins the streams with which `call` was answered, one for each of `sources`, whose references are taken over. False
// with an exception set.
bool begin_streams(Responder& responder, PyObject* driver, PyObject* call, PyObject* failed,
                   const OpenedStreams& opened, const std::vector<PyObject*>& sources);

// The same of streams among a call's arguments, each of which start(producer) has a task make.
bool begin_streams_in_tasks(Responder& responder, PyObject* driver, PyObject* start, const StreamKey& first,
                            const std::vector<PyObject*>& sources);

// Nobody reads the stream any more, as far as this side knows: it is ended, and what makes its items closed.
void close_stream(Responder& responder, const StreamKey& stream);

// The same of all that calls of this server have begun, unless they are running: those notice it themselves.
void close_streams_of(Responder& responder, ServerId server);

// Whether what makes its items is run, and does not await them.
bool runs_on_threads(Responder& responder, const StreamKey& stream);

// A stream has room again, or is over: goes on with what makes its items. False with an exception set that ends the
// caller's work.
bool resume_stream(Responder& responder, const StreamKey& stream);

}  // namespace ipcbridge::python
