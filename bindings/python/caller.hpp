#pragma once

#include <cstdint>

#include <pybind11/pybind11.h>

#include "bindings/python/blocking_driver_binding.hpp"
#include "bindings/python/driver_binding.hpp"
#include "bindings/python/stream_limits.hpp"
#include "bindings/python/values/encoder.hpp"

namespace ipcbridge::python {

// A remote method: calling it calls the service. Of the blocking API, or of an event loop.
struct Caller {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject* weak_references;
  PyObject* driver_object;  // keeps the one of these two alive that there is
  BlockingDriverBinding* blocking_driver;
  DriverBinding* loop_driver;
  ClientId client;
  std::uint32_t method;
  std::uint64_t reference;     // that is called, a function or object of the peer's; 0: the service
  std::uint64_t reference_on;  // its connection
  std::int64_t timeout_us;
  std::int64_t idle_timeout_us;
  unsigned flags;
  PyObject* name;
  PyObject* metadata;
  PyObject* describe;  // describe(name): (doc, signature)
  PyObject* guard;     // raises where the call would wait for itself, or on a loop that is not its own
  PyObject* drop;      // a notification has not been taken
  PyObject* renew;     // null, or renew(): what takes this one's place in a forked child
  PyObject*
      otherwise;  // blocking: makes the error of a failed call; on a loop: keeps a call for which there is no room
};

bool is_caller(PyObject* object);
inline Caller* caller_of(PyObject* object) { return reinterpret_cast<Caller*>(object); }

// In a forked child a caller of the parent's becomes one of this process, if it has been told how. False with an
// exception set.
bool renew_if_inherited(Caller* caller);

// The vectorcall functions.
PyObject* call_and_wait(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names);
PyObject* call_on_loop(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names);

// Raises how a blocking call has failed: null.
PyObject* raise_outcome(const Caller* caller, const CallResult& result);
// What has been raised loses the frames of the library itself, which tell a user nothing: null.
PyObject* without_own_frames();

// The arguments of a vectorcall. False with an exception set.
bool encode_call(Encoder& encoder, PyObject* const* args, Py_ssize_t count, PyObject* names);

// What is attached to them. False with an exception set.
bool place_attachments(Encoder& encoder, const Caller* caller, Driver& driver, Attachments& placed);

// Tells which reference it calls, if it does. Valid while the caller lives.
void add_reference(const Caller* caller, CallOptions& options);

// What of its options ends the streams of a call that is made now.
StreamLimits stream_limits(const Caller* caller, const CallOptions& options);

// Whether a caller of an event loop is called where it may be. False with an exception set.
bool is_on_loop(const Caller* caller, pybind11::object& loop);

// How many of the process's event loops serve something: while there are none, blocking callers need not look
// whether they would wait for themselves.
void set_loop_servers(int count);

// ipcbridge._native.Caller.
void add_caller_type(pybind11::module_& module);

}  // namespace ipcbridge::python
