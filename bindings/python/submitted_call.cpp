#define PY_SSIZE_T_CLEAN
#include "bindings/python/submitted_call.hpp"

#include <new>
#include <utility>

#include "bindings/python/bytes.hpp"
#include "bindings/python/caller.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/inheritance.hpp"
#include "bindings/python/interrupt.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/options.hpp"
#include "bindings/python/pending_calls.hpp"
#include "bindings/python/references.hpp"
#include "bindings/python/stream_object.hpp"
#include "bindings/python/stream_source.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/decoder.hpp"
#include "core/workers/submitted_calls.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

struct Kept : SubmittedCall {
  PyObject* object = nullptr;  // which it is in
};

// While the call is in flight one reference more keeps it, and it keeps its future and its caller.
// Made by tp_alloc, which runs no constructor.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
struct Object {
  PyObject_HEAD PyObject* future;  // null once it has ended
  PyObject* caller;
  StreamLimits limits;
  Kept call;
};

PyTypeObject* type_of_calls = nullptr;
PyObject* type_of_futures = nullptr;

Object* self_of(PyObject* object) { return reinterpret_cast<Object*>(object); }

Object* self_of(SubmittedCall& call) { return self_of(static_cast<Kept&>(call).object); }

BlockingDriverBinding& binding_of(const Object* self) { return *caller_of(self->caller)->blocking_driver; }

// The driver knows it no more.
void drop(Object* self) {
  Py_CLEAR(self->future);
  Py_DECREF(reinterpret_cast<PyObject*>(self));
}

PyObject* value_of(Object* self) {
  const char* const root = "";
  CallResult result = std::move(self->call.result);
  if (result.outcome.code != Code::kOk) return raise_outcome(caller_of(self->caller), result);
  ReceivedReferences received(binding_of(self), result.connection);
  if (result.streams.empty()) {
    return with_codec_errors(root,
                             [&] { return Decoder(result.outcome.payload, nullptr, &received).read_whole_value(); });
  }
  BlockingStreams streams(binding_of(self), std::move(result.streams), self->caller, self->limits);
  return with_codec_errors(root,
                           [&] { return Decoder(result.outcome.payload, &streams, &received).read_whole_value(); });
}

// Where nobody has asked a future for its condition nobody waits for it, and it has no callbacks: see
// ipcbridge._client.submitted. Nothing else runs between the look and the change. False if it is not so; no exception
// is set then.
bool finish_unwatched(PyObject* future, PyObject* value) {
  static PyObject* const kCondition = PyUnicode_InternFromString("_condition");
  static PyObject* const kResult = PyUnicode_InternFromString("_result");
  static PyObject* const kState = PyUnicode_InternFromString("_state");
  static PyObject* const kFinished = PyUnicode_InternFromString("FINISHED");
  PyObject* members = PyObject_GenericGetDict(future, nullptr);
  const bool is_finished = members != nullptr && PyDict_Contains(members, kCondition) == 0 &&
                           PyDict_SetItem(members, kResult, value) == 0 &&
                           PyDict_SetItem(members, kState, kFinished) == 0;
  Py_XDECREF(members);
  PyErr_Clear();
  return is_finished;
}

bool set(PyObject* future, PyObject* value, PyObject* error) {
  if (error == nullptr && finish_unwatched(future, value)) return true;
  static PyObject* const kSetResult = PyUnicode_InternFromString("set_result");
  static PyObject* const kSetException = PyUnicode_InternFromString("set_exception");
  return succeeded(error == nullptr ? PyObject_CallMethodOneArg(future, kSetResult, value)
                                    : PyObject_CallMethodOneArg(future, kSetException, error));
}

// Ends the future with that value, or with what has been raised where it is null; its callbacks run here. False with an
// exception set: of a signal's handler, say.
bool settle_with(Object* self, PyObject* value) {
  PyObject* error = value == nullptr ? take_exception().release().ptr() : nullptr;
  PyObject* future = new_reference(self->future);
  bool is_set = set(future, value, error);
  if (!is_set && !is_done(future)) {  // raised before it took the value
    const RaisedAside aside;
    if (!set(future, value, error)) PyErr_Clear();
  }
  Py_XDECREF(value);
  Py_XDECREF(error);
  Py_DECREF(future);
  drop(self);
  return is_set;
}

bool settle(Object* self) { return settle_with(self, value_of(self)); }

// A future that has ended, of a notification.
PyObject* ended_future(PyObject* value) {
  if (value == nullptr) return nullptr;
  PyObject* future = PyObject_CallNoArgs(type_of_futures);
  if (future != nullptr && !set(future, value, nullptr)) Py_CLEAR(future);
  Py_DECREF(value);
  return future;
}

PyObject* new_call(PyObject* caller) {
  PyObject* object = type_of_calls->tp_alloc(type_of_calls, 0);
  if (object == nullptr) return nullptr;
  Object* self = self_of(object);
  self->caller = new_reference(caller);
  new (&self->limits) StreamLimits();
  new (&self->call) Kept();
  self->call.object = object;
  self->future = PyObject_CallOneArg(type_of_futures, object);
  if (self->future == nullptr) Py_CLEAR(object);
  return object;
}

// Gives the GIL up: the call may wait for room.
bool send(Object* self, const CallOptions& options, PyObject* metadata, const Encoder& encoder,
          PyObject* long_payload) {
  const Caller* caller = caller_of(self->caller);
  BlockingDriverBinding& binding = *caller->blocking_driver;
  BlockingDriver* driver = nullptr;
  try {
    driver = &binding.alive();
  } catch (py::error_already_set& error) {
    error.restore();
    return false;
  }
  self->limits = stream_limits(caller, options);
  const Interrupted interrupted = interrupted_by_signals();
  const BlockingDriverBinding::Visit visit(binding);
  const ConstBytes payload = long_payload == nullptr ? encoder.contents() : view(long_payload);
  // Its answer may come at once, and another thread end it.
  Py_INCREF(reinterpret_cast<PyObject*>(self));
  PyThreadState* state = PyEval_SaveThread();
  const Status sent =
      driver->submit(self->call, caller->client, caller->method, options, view(metadata), payload, interrupted);
  PyEval_RestoreThread(state);
  if (sent.ok()) return true;
  if (PyErr_Occurred() == nullptr) {
    set_python_error(sent.error());
    return settle_with(self, nullptr);
  }
  drop(self);  // Ctrl-C
  return false;
}

PyObject* cancel(PyObject* object, PyObject* /*unused*/) {
  Object* self = self_of(object);
  BlockingDriverBinding& binding = binding_of(self);
  if (!binding.is_alive()) Py_RETURN_FALSE;
  BlockingDriver* driver = nullptr;
  try {
    driver = &binding.alive();
  } catch (py::error_already_set& error) {
    error.restore();
    return nullptr;
  }
  const BlockingDriverBinding::Visit visit(binding);
  PyThreadState* state = PyEval_SaveThread();
  const bool is_withdrawn = driver->cancel(self->call);
  PyEval_RestoreThread(state);
  if (!is_withdrawn) Py_RETURN_FALSE;
  drop(self);
  Py_RETURN_TRUE;
}

// wait(microseconds): until the call's answer has been taken, ending whatever futures it finds answered meanwhile.
// Negative: for ever.
PyObject* wait(PyObject* object, PyObject* given) {
  const long long most_us = PyLong_AsLongLong(given);
  if (most_us == -1 && PyErr_Occurred() != nullptr) return nullptr;
  Object* self = self_of(object);
  const Caller* caller = caller_of(self->caller);
  if (!succeeded(PyObject_CallNoArgs(caller->guard))) return nullptr;
  BlockingDriverBinding& binding = *caller->blocking_driver;
  const Interrupted interrupted = interrupted_by_signals();
  const TimePoint deadline = most_us < 0 ? kNever : deadline_after(Clock::now(), to_duration(most_us));
  while (self->future != nullptr) {
    BlockingDriver* driver = nullptr;
    try {
      driver = &binding.alive();
    } catch (py::error_already_set& error) {
      error.restore();
      return nullptr;
    }
    const BlockingDriverBinding::Visit visit(binding);
    if (SubmittedCall* answered = driver->take_answered()) {
      if (!settle(self_of(*answered))) return nullptr;
      continue;
    }
    PyThreadState* state = PyEval_SaveThread();
    const bool goes_on = driver->wait_answered(self->call, deadline, interrupted);
    PyEval_RestoreThread(state);
    if (PyErr_Occurred() != nullptr) return nullptr;  // Ctrl-C
    if (!goes_on || driver->is_taken(self->call)) break;
  }
  Py_RETURN_NONE;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  Object* self = self_of(object);
  Py_XDECREF(self->future);
  Py_XDECREF(self->caller);
  self->call.~Kept();
  type->tp_free(object);
  Py_DECREF(type);
}

PyMethodDef methods[] = {
    {"cancel", &cancel, METH_NOARGS, "Whether nobody had taken the answer: the callee is then told."},
    {"wait", &wait, METH_O, "Waits for the answer, in microseconds, and ends what futures it finds answered."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(&dealloc)},
    {Py_tp_methods, methods},
    {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge._native.SubmittedCall", static_cast<int>(sizeof(Object)), 0, Py_TPFLAGS_DEFAULT, slots,
};

// Generators run on the thread that waits for their call.
bool refuse_streams(Encoder& encoder) {
  if (encoder.stream_count() == 0) return true;
  for (PyObject* source : encoder.take_streams()) {
    close_source(source);
    Py_DECREF(source);
  }
  set_python_error({Code::kInvalidArgument,
                    "submit() takes no generators among the arguments: they run on the thread that waits for their "
                    "call. Call the method without submit(), on a thread of its own, or send list(value)"});
  return false;
}

PyObject* use_future_type(PyObject* /*module*/, PyObject* type) {
  Py_XDECREF(std::exchange(type_of_futures, new_reference(type)));
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"use_future_type", &use_future_type, METH_O, "type(call): what a submitted call returns, ended by its answer."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyObject* call_and_submit(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names) {
  Caller* caller = caller_of(object);
  if ((caller->flags & call_flag::kNotify) != 0) return ended_future(call_and_wait(object, args, nargsf, names));
  if (!renew_if_inherited(caller)) return without_own_frames();
  Encoder encoder;
  encoder.accept_streams();
  SharedReferences references(*caller->blocking_driver, /*retained_only=*/true);
  encoder.accept_references(references);
  if (caller->reference_on != 0) encoder.put_reference(caller->reference);
  if (!encode_call(encoder, args, PyVectorcall_NARGS(nargsf), names) || !refuse_streams(encoder)) {
    references.end();
    return without_own_frames();
  }
  PyObject* long_payload = nullptr;
  if (!encoder.is_short() && (long_payload = encoder.finish()) == nullptr) {
    references.end();
    return nullptr;
  }
  CallOptions options = call_options(caller->timeout_us, caller->flags);
  options.reference_on = caller->reference_on;
  options.references = references.ids();
  PyObject* inherited = nullptr;
  if (!inherit(caller, /*blocks=*/false, options, inherited)) {
    references.end();
    Py_XDECREF(long_payload);
    return without_own_frames();
  }
  PyObject* metadata = inherited == nullptr ? caller->metadata : inherited;
  PyObject* call = new_call(object);
  PyObject* future = call == nullptr ? nullptr : new_reference(self_of(call)->future);
  if (future != nullptr && !send(self_of(call), options, metadata, encoder, long_payload)) {
    Py_CLEAR(self_of(call)->future);
    Py_CLEAR(future);
  }
  references.end();  // the driver knows them by now
  Py_XDECREF(call);
  Py_XDECREF(inherited);
  Py_XDECREF(long_payload);
  return future;
}

void collect_answers(BlockingDriverBinding& binding) {
  BlockingDriver* driver = &binding.alive();
  const BlockingDriverBinding::Visit visit(binding);
  for (;;) {
    PyThreadState* state = PyEval_SaveThread();
    const bool goes_on = driver->wait_unattended();
    PyEval_RestoreThread(state);
    if (!goes_on) return;
    while (SubmittedCall* answered = driver->take_answered(/*collects=*/true)) {
      if (!settle(self_of(*answered))) PyErr_WriteUnraisable(nullptr);
    }
  }
}

void add_submitted_call_type(py::module_& module) {
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  type_of_calls = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  type_of_calls->tp_new = nullptr;  // made of calls only
  module.attr("SubmittedCall") = type;
  module.attr("SUBMIT") = kSubmitFlag;
  if (PyModule_AddFunctions(module.ptr(), functions) != 0) throw py::error_already_set();
}

}  // namespace ipcbridge::python
