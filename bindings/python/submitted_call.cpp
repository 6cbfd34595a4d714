#include "bindings/python/submitted_call.hpp"

#include <memory>
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
#include "bindings/python/submitted_call_object.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/decoder.hpp"
#include "bindings/python/values/memory_object.hpp"
#include "core/workers/submitted_calls.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

BlockingDriverBinding& binding_of(const SubmittedCallObject* self) { return *caller_of(self->caller)->blocking_driver; }

// Not one that was ended by its answer, whose callbacks run now, or by whoever has the future.
bool awaits_answer(const SubmittedCallObject* self) { return self->is_in_flight && !is_over(self); }

// The driver knows it no more.
void drop(SubmittedCallObject* self) {
  self->is_in_flight = false;
  Py_DECREF(object_of(self));
}

PyObject* value_of(SubmittedCallObject* self) {
  const char* const root = "";
  CallResult result = std::move(self->call.result);
  if (result.outcome.code != Code::kOk) return raise_outcome(caller_of(self->caller), result);
  ReceivedReferences received(binding_of(self), result.connection);
  PyObject* value = nullptr;
  if (result.streams.empty()) {
    value = with_codec_errors(root, [&] { return Decoder(result.payload(), nullptr, &received).read_whole_value(); });
  } else {
    if (self->arguments != nullptr && !self->arguments->references().empty()) outlive_wait(binding_of(self));
    BlockingStreams streams(binding_of(self), std::move(result.streams), self->caller, self->limits, self->arguments);
    value = with_codec_errors(root, [&] { return Decoder(result.payload(), &streams, &received).read_whole_value(); });
  }
  let_go(result.storage.attachments);
  return value;
}

bool set(SubmittedCallObject* self, PyObject* value, PyObject* error) {
  if (error == nullptr && finish_unwatched(self, value)) return true;
  static PyObject* const kSetResult = PyUnicode_InternFromString("set_result");
  static PyObject* const kSetException = PyUnicode_InternFromString("set_exception");
  return succeeded(error == nullptr ? PyObject_CallMethodOneArg(object_of(self), kSetResult, value)
                                    : PyObject_CallMethodOneArg(object_of(self), kSetException, error));
}

// Ends the future with that value, or with what has been raised where it is null; its callbacks run here. False with an
// exception set: of a signal's handler, say.
bool settle_with(SubmittedCallObject* self, PyObject* value) {
  PyObject* error = value == nullptr ? take_exception().release().ptr() : nullptr;
  // Whoever has the future may have ended it.
  const bool is_set = is_over(self) || set(self, value, error);
  if (!is_set && !is_over(self)) {  // raised before it took the value
    const RaisedAside aside;
    if (!set(self, value, error)) PyErr_Clear();
  }
  Py_XDECREF(value);
  Py_XDECREF(error);
  drop(self);
  return is_set;
}

bool settle(SubmittedCallObject* self) { return settle_with(self, value_of(self)); }

// A future that has ended, of a notification.
PyObject* ended_future(PyObject* caller, PyObject* value) {
  if (value == nullptr) return nullptr;
  SubmittedCallObject* future = new_submitted_call(caller);
  if (future != nullptr) finish_unwatched(future, value);
  Py_DECREF(value);
  return object_of(future);
}

// Gives the GIL up: the call may wait for room.
bool send(SubmittedCallObject* self, const CallOptions& options, PyObject* metadata, Encoder& encoder,
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
  Attachments attachments;
  if (encoder.has_attachments() && !place_attachments(encoder, caller, driver->driver(), attachments)) return false;
  self->limits = stream_limits(caller, options);
  const Interrupted interrupted = interrupted_by_signals();
  const BlockingDriverBinding::Visit visit(binding);
  const Payload payload(long_payload == nullptr ? encoder.contents() : view(long_payload), attachments);
  // Its answer may come at once, and another thread end it.
  Py_INCREF(object_of(self));
  self->is_in_flight = true;
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

}  // namespace

PyObject* withdraw_submitted(PyObject* object, PyObject* /*unused*/) {
  SubmittedCallObject* self = submitted_call_of(object);
  if (!self->is_in_flight || !binding_of(self).is_alive()) Py_RETURN_FALSE;
  BlockingDriverBinding& binding = binding_of(self);
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

PyObject* end_arguments_of_submitted(PyObject* object, PyObject* /*unused*/) {
  SubmittedCallObject* self = submitted_call_of(object);
  const std::shared_ptr<AwaitedArguments> arguments = std::exchange(self->arguments, nullptr);
  if (arguments != nullptr) AwaitedArguments::leave(arguments);
  Py_RETURN_NONE;
}

PyObject* read_submitted(PyObject* object, PyObject* given) {
  const long long most_us = PyLong_AsLongLong(given);
  if (most_us == -1 && PyErr_Occurred() != nullptr) return nullptr;
  SubmittedCallObject* self = submitted_call_of(object);
  if (!awaits_answer(self)) Py_RETURN_NONE;
  const Caller* caller = caller_of(self->caller);
  if (!succeeded(PyObject_CallNoArgs(caller->guard))) return nullptr;
  BlockingDriverBinding& binding = *caller->blocking_driver;
  const Interrupted interrupted = interrupted_by_signals();
  const TimePoint deadline = most_us < 0 ? kNever : deadline_after(Clock::now(), to_duration(most_us));
  while (awaits_answer(self)) {
    BlockingDriver* driver = nullptr;
    try {
      driver = &binding.alive();
    } catch (py::error_already_set& error) {
      error.restore();
      return nullptr;
    }
    const BlockingDriverBinding::Visit visit(binding);
    if (SubmittedCall* answered = driver->take_answered()) {
      if (!settle(submitted_call_of(*answered))) return nullptr;
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

namespace {

// Generators run on the thread that waits for their call.
bool refuse_streams(Encoder& encoder) {
  for (PyObject* source : encoder.take_streams()) {
    close_source(source);
    Py_DECREF(source);
  }
  set_python_error({Code::kInvalidArgument,
                    "submit() takes no generators among the arguments: they run on the thread that waits for their "
                    "call. Call the method without submit(), on a thread of its own, or send list(value)"});
  return false;
}

// Keeps what the call passes until its end. False with an exception set.
bool keep_arguments(const Caller* caller, Encoder& encoder, SharedReferences& references,
                    std::shared_ptr<AwaitedArguments>& arguments) {
  if (encoder.stream_count() == 0 && !references.any_of_call()) return true;
  if ((caller->flags & kOnLoopFlag) == 0) return refuse_streams(encoder);
  arguments = AwaitedArguments::create(*caller->blocking_driver, caller->driver_object, encoder.take_streams(),
                                       references.take());
  return arguments != nullptr;
}

}  // namespace

PyObject* call_and_submit(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names) {
  Caller* caller = caller_of(object);
  if ((caller->flags & call_flag::kNotify) != 0)
    return ended_future(object, call_and_wait(object, args, nargsf, names));
  if (!renew_if_inherited(caller)) return without_own_frames();
  Encoder encoder;
  encoder.accept_streams();
  SharedReferences references(*caller->blocking_driver, /*retained_only=*/(caller->flags & kOnLoopFlag) == 0);
  encoder.accept_references(references);
  encoder.accept_attachments();
  if (caller->reference_on != 0) encoder.put_reference(caller->reference);
  std::shared_ptr<AwaitedArguments> arguments;
  if (!encode_call(encoder, args, PyVectorcall_NARGS(nargsf), names) ||
      !keep_arguments(caller, encoder, references, arguments)) {
    references.end();
    return without_own_frames();
  }
  PyObject* long_payload = nullptr;
  CallOptions options = call_options(caller->timeout_us, caller->flags);
  add_reference(caller, options);
  options.references = references.ids();
  if (arguments != nullptr) {
    options.streams = arguments->stream_count();
    options.references = arguments->references();
  }
  PyObject* inherited = nullptr;
  PyObject* future = nullptr;
  const bool is_ready = (encoder.is_short() || (long_payload = encoder.finish()) != nullptr) &&
                        inherit(caller, /*blocks=*/false, options, inherited);
  if (is_ready) {
    PyObject* metadata = inherited == nullptr ? caller->metadata : inherited;
    SubmittedCallObject* call = new_submitted_call(object);
    future = object_of(call);
    if (call != nullptr) {
      call->arguments = arguments;
      call->call.local = arguments.get();
      if (!send(call, options, metadata, encoder, long_payload)) Py_CLEAR(future);
    }
  }
  references.end();  // the driver knows them by now
  if (future == nullptr && arguments != nullptr) {
    const RaisedAside aside;
    arguments->end();
  }
  Py_XDECREF(inherited);
  Py_XDECREF(long_payload);
  return is_ready ? future : without_own_frames();
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
      if (!settle(submitted_call_of(*answered))) PyErr_WriteUnraisable(nullptr);
    }
  }
}

}  // namespace ipcbridge::python
