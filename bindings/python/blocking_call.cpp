#include <memory>
#include <string>

#include "bindings/python/bytes.hpp"
#include "bindings/python/call_arguments.hpp"
#include "bindings/python/caller.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/inheritance.hpp"
#include "bindings/python/interrupt.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/options.hpp"
#include "bindings/python/references.hpp"
#include "bindings/python/stream_object.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/decoder.hpp"
#include "bindings/python/values/memory_object.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

int loop_servers = 0;  // guarded by the GIL

// A peer's message may be any bytes.
PyObject* message_of(const CallResult& result) {
  return PyUnicode_DecodeUTF8(result.message.data(), static_cast<Py_ssize_t>(result.message.size()), "replace");
}

// A notification that was not taken: False, after the callback has told the log.
PyObject* dropped(const Caller* self) {
  if (!succeeded(PyObject_CallNoArgs(self->drop))) return nullptr;
  Py_RETURN_FALSE;
}

}  // namespace

void set_loop_servers(int count) { loop_servers = count; }

PyObject* raise_outcome(const Caller* caller, const CallResult& result) {
  const Outcome& outcome = result.outcome;
  const std::string_view code = code_name(outcome.code);
  PyObject* message = message_of(result);
  if (message == nullptr) return nullptr;
  PyObject* error =
      PyObject_CallFunction(caller->otherwise, "s#Ny#i", code.data(), static_cast<Py_ssize_t>(code.size()), message,
                            reinterpret_cast<const char*>(outcome.payload.data()),
                            static_cast<Py_ssize_t>(outcome.payload.size()), static_cast<int>(outcome.ending()));
  if (error == nullptr) return nullptr;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error)), error);
  Py_DECREF(error);
  return nullptr;
}

namespace {

// A function lives as long as its call, and a notification is none that anybody waits for.
bool check_references(const Caller* self, SharedReferences& references) {
  if ((self->flags & call_flag::kNotify) == 0 || !references.any_of_call()) return true;
  references.end();
  set_python_error({Code::kInvalidArgument,
                    "a notification passes no function, which would be gone at once: pass ipc.retain(function)"});
  return false;
}

}  // namespace

PyObject* without_own_frames() {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  if (PyErr_GivenExceptionMatches(type, PyExc_Exception) != 0) Py_CLEAR(traceback);
  PyErr_Restore(type, value, traceback);
  return nullptr;
}

namespace {

// What is raised stays so.
void end_aside(CallArguments* arguments) {
  if (arguments == nullptr) return;
  const RaisedAside aside;
  arguments->end();
}

// The end of the interpreter unwinds daemon threads, and what they had passed goes without end(). The driver lives on
// then, and must not tell it of its streams any more. Touches no Python.
class StreamsForgotten {
 public:
  StreamsForgotten(BlockingDriver& driver, const std::shared_ptr<CallArguments>& arguments)
      : driver_(driver), arguments_(arguments) {}
  ~StreamsForgotten() {
    if (arguments_ != nullptr) driver_.forget_streams(*arguments_);
  }
  StreamsForgotten(const StreamsForgotten&) = delete;
  StreamsForgotten& operator=(const StreamsForgotten&) = delete;

 private:
  BlockingDriver& driver_;
  const std::shared_ptr<CallArguments>& arguments_;
};

// No destructor on its way touches Python where the GIL may be given up: see BlockingDriverBinding.
PyObject* call_with(Caller* self, PyObject* const* args, std::size_t nargsf, PyObject* names, CallOptions options,
                    PyObject* metadata) {
  Encoder encoder;
  encoder.accept_streams();
  SharedReferences references(*self->blocking_driver, /*retained_only=*/false);
  encoder.accept_references(references);
  encoder.accept_attachments();
  if (self->reference_on != 0) encoder.put_reference(self->reference);
  if (!encode_call(encoder, args, PyVectorcall_NARGS(nargsf), names)) {
    references.end();
    return without_own_frames();
  }
  std::shared_ptr<CallArguments> arguments;
  if (encoder.stream_count() != 0 || !references.empty()) {
    if (!check_references(self, references)) return without_own_frames();
    arguments =
        CallArguments::create(*self->blocking_driver, self->driver_object, encoder.take_streams(), references.take());
    if (arguments == nullptr) return without_own_frames();
  }
  // A destructor that touched Python could do so without the GIL: see BlockingDriverBinding.
  PyObject* long_payload = nullptr;
  if (!encoder.is_short()) {
    long_payload = encoder.finish();
    if (long_payload == nullptr) {
      end_aside(arguments.get());
      return nullptr;
    }
  }
  BlockingDriver* driver = nullptr;
  try {
    // Only now: encoding runs Python code, and during it another thread may shut the driver down.
    driver = &self->blocking_driver->alive();
  } catch (py::error_already_set& error) {
    error.restore();
    Py_XDECREF(long_payload);
    end_aside(arguments.get());
    return nullptr;
  }

  Attachments attachments;
  if (encoder.has_attachments() && !place_attachments(encoder, self, driver->driver(), attachments)) {
    Py_XDECREF(long_payload);
    end_aside(arguments.get());
    return without_own_frames();
  }
  const StreamLimits limits = stream_limits(self, options);
  add_reference(self, options);
  if (arguments != nullptr) {
    options.streams = arguments->stream_count();
    options.references = arguments->references();
  }
  const Interrupted interrupted = interrupted_by_signals();
  const BlockingDriverBinding::Visit visit(*self->blocking_driver);
  const StreamsForgotten forgotten(*driver, arguments);
  PyThreadState* state = PyEval_SaveThread();
  const Payload payload(long_payload == nullptr ? encoder.contents() : view(long_payload), attachments);
  if (arguments != nullptr) CallArguments::waits_with(state);
  CallResult result =
      driver->call(self->client, self->method, options, view(metadata), payload, interrupted, arguments.get());
  PyEval_RestoreThread(arguments == nullptr ? state : CallArguments::state());
  Py_XDECREF(long_payload);
  attachments.clear();
  if (result.streams.empty() || PyErr_Occurred() != nullptr) {
    end_aside(arguments.get());
    arguments.reset();
  }
  if (PyErr_Occurred() != nullptr) {  // Ctrl-C
    BlockingStreams left(*self->blocking_driver, std::move(result.streams));
    ReceivedReferences received(*self->blocking_driver, result.connection);
    if (result.outcome.code == Code::kOk) discard_result(result.payload(), &left, received);
    return nullptr;
  }
  if (result.outcome.code != Code::kOk) return raise_outcome(self, result);
  if (options.notify && result.dropped) return dropped(self);
  if (options.notify) Py_RETURN_TRUE;
  const char* const root = "";
  ReceivedReferences received(*self->blocking_driver, result.connection);
  PyObject* value = nullptr;
  if (result.streams.empty()) {
    value = with_codec_errors(root, [&] { return Decoder(result.payload(), nullptr, &received).read_whole_value(); });
  } else {
    if (arguments != nullptr && !arguments->references().empty()) outlive_wait(*self->blocking_driver);
    BlockingStreams streams(*self->blocking_driver, std::move(result.streams), reinterpret_cast<PyObject*>(self),
                            limits, std::move(arguments));
    value = with_codec_errors(root, [&] { return Decoder(result.payload(), &streams, &received).read_whole_value(); });
  }
  let_go(result.storage.attachments);
  return value;
}

}  // namespace

PyObject* call_and_wait(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names) {
  Caller* self = caller_of(object);
  if (!renew_if_inherited(self)) return without_own_frames();
  if (loop_servers > 0 && !succeeded(PyObject_CallNoArgs(self->guard))) return without_own_frames();
  CallOptions options = call_options(self->timeout_us, self->flags);
  PyObject* inherited = nullptr;
  if (!inherit(self, /*blocks=*/true, options, inherited)) return without_own_frames();
  PyObject* result = call_with(self, args, nargsf, names, options, inherited == nullptr ? self->metadata : inherited);
  Py_XDECREF(inherited);
  return result;
}

}  // namespace ipcbridge::python
