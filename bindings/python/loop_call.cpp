#include <chrono>
#include <cstdint>

#include "bindings/python/bytes.hpp"
#include "bindings/python/caller.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/inheritance.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/options.hpp"
#include "bindings/python/pending_calls.hpp"
#include "bindings/python/references.hpp"
#include "bindings/python/values/codec_error.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

bool set_result(PyObject* future, PyObject* value) {
  static PyObject* const kName = PyUnicode_InternFromString("set_result");
  return succeeded(PyObject_CallMethodOneArg(future, kName, value));
}

// Keeps the call until there is room for it.
bool wait_for_room(const Caller* self, PyObject* future, const CallOptions& options, PyObject* metadata,
                   ConstBytes payload) {
  const std::int64_t timeout_us =
      options.timeout ? std::chrono::duration_cast<std::chrono::microseconds>(*options.timeout).count() : -1;
  return succeeded(PyObject_CallFunction(self->otherwise, "OLOy#", future, static_cast<long long>(timeout_us), metadata,
                                         reinterpret_cast<const char*>(payload.data()),
                                         static_cast<Py_ssize_t>(payload.size())));
}

bool end_notification(const Caller* self, PyObject* future, bool is_taken) {
  if (!is_taken && !succeeded(PyObject_CallNoArgs(self->drop))) return false;
  return set_result(future, is_taken ? Py_True : Py_False);
}

bool send(Caller* self, PyObject* future, const CallOptions& options, PyObject* metadata, const Payload& payload) {
  DriverBinding& binding = *self->loop_driver;
  binding.pending().reserve_one();
  const Submission sent = unwrap(
      binding.waking().call(self->client, PendingCalls::token(future), self->method, options, view(metadata), payload));
  if (options.notify) return end_notification(self, future, sent == Submission::kTaken);
  const bool is_more_than_bytes =
      options.streams != 0 || !options.references.empty() || self->reference_on != 0 || !payload.attachments.empty();
  if (sent != Submission::kTaken && is_more_than_bytes) {
    raise(Code::kResourceExhausted,
          "too many calls wait to be sent, and one with streams, references or large values is not kept for later");
  }
  if (sent != Submission::kTaken) return wait_for_room(self, future, options, metadata, payload.bytes);
  binding.pending().add(future, self->client, reinterpret_cast<PyObject*>(self), stream_limits(self, options));
  return true;
}

// A function lives as long as its call, and a notification is none that anybody waits for.
void check_references(const Caller* self, const SharedReferences& references) {
  if ((self->flags & call_flag::kNotify) == 0 || !references.any_of_call()) return;
  raise(Code::kInvalidArgument,
        "a notification passes no function, which would be gone at once: pass ipc.retain(function)");
}

}  // namespace

bool is_on_loop(const Caller* self, py::object& loop) {
  loop = py::reinterpret_steal<py::object>(self->loop_driver->running_loop());
  if (loop) return true;
  if (PyErr_Occurred() != nullptr) return false;
  PyObject* allowed = PyObject_CallNoArgs(self->guard);  // the loop, where it does not run
  loop = py::reinterpret_steal<py::object>(allowed);
  return allowed != nullptr;
}

// Answers with a future, which also tells what is wrong with the arguments.
PyObject* call_on_loop(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names) {
  Caller* self = caller_of(object);
  py::object loop;
  if (!is_on_loop(self, loop)) return nullptr;
  PyObject* future = self->loop_driver->new_call(loop.ptr());
  if (future == nullptr) return nullptr;
  Encoder encoder;
  encoder.accept_streams();
  SharedReferences references(*self->loop_driver, /*retained_only=*/false);
  encoder.accept_references(references);
  encoder.accept_attachments();
  if (self->reference_on != 0) encoder.put_reference(self->reference);
  const char* const root = "";
  const std::uint64_t token = PendingCalls::token(future);
  CallOptions options = call_options(self->timeout_us, self->flags);
  add_reference(self, options);
  PyObject* inherited = nullptr;
  const bool is_sent =
      inherit(self, /*blocks=*/false, options, inherited) &&
      encode_call(encoder, args, PyVectorcall_NARGS(nargsf), names) && with_codec_errors(root, [&] {
        PyObject* metadata = inherited == nullptr ? self->metadata : inherited;
        options.streams = encoder.stream_count();
        options.references = references.ids();
        if (options.streams != 0 || !references.empty()) {
          check_references(self, references);
          self->loop_driver->keep_sources(token, encoder.take_streams(), references.ids());
        }
        Attachments attachments;
        if (encoder.has_attachments() && !place_attachments(encoder, self, self->loop_driver->waking(), attachments)) {
          return false;
        }
        return send(self, future, options, metadata, {encoder.contents(), attachments});
      });
  Py_XDECREF(inherited);
  if (!is_sent) {
    const RaisedAside aside;
    if (!self->loop_driver->drop_sources(token)) references.end();
  }
  if (!is_sent && !set_raised(future)) Py_CLEAR(future);
  return future;
}

}  // namespace ipcbridge::python
