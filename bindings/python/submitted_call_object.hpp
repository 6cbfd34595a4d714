#pragma once

#include <memory>

#include <pybind11/pybind11.h>

#include "bindings/python/awaited_arguments.hpp"
#include "bindings/python/stream_limits.hpp"
#include "core/workers/submitted_calls.hpp"

namespace ipcbridge::python {

// The part of a SubmittedCall that the driver knows.
struct DriverCall : SubmittedCall {
  PyObject* object = nullptr;  // which it is in
};

// What a concurrent.futures.Future has.
struct FutureFields {
  PyObject_HEAD PyObject* state;
  PyObject* result;
  PyObject* exception;
  // Null until somebody asks for them: a condition takes longer to make than all the rest, and most calls do without.
  PyObject* condition;
  PyObject* waiters;
  PyObject* done_callbacks;
};

// ipcbridge._native.SubmittedCall: a call whose answer ends it. ipcbridge._client.submitted makes a future of it. While
// it is in flight one reference more keeps it. Made by tp_alloc, which runs no constructor.
struct SubmittedCallObject : FutureFields {
  PyObject* caller;  // null for one that was ended by a value
  bool is_in_flight;
  StreamLimits limits;
  std::shared_ptr<AwaitedArguments> arguments;  // null: it passes none that live with it
  DriverCall call;
};

inline SubmittedCallObject* submitted_call_of(PyObject* object) {
  return reinterpret_cast<SubmittedCallObject*>(object);
}

inline SubmittedCallObject* submitted_call_of(SubmittedCall& call) {
  return submitted_call_of(static_cast<DriverCall&>(call).object);
}

inline PyObject* object_of(SubmittedCallObject* self) { return reinterpret_cast<PyObject*>(self); }

// A future that waits for nothing yet. Null with an exception set.
SubmittedCallObject* new_submitted_call(PyObject* caller);

// Ends it as set_result() would where nobody has asked it for its condition: nobody waits for it then, and it has no
// callbacks. Nothing else runs between the look and the change. False where somebody has.
bool finish_unwatched(SubmittedCallObject* self, PyObject* value);

// Whether it has ended, with whatever result, or was cancelled.
bool is_over(const SubmittedCallObject* self);

void add_submitted_call_type(pybind11::module_& module);

}  // namespace ipcbridge::python
