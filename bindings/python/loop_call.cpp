#define PY_SSIZE_T_CLEAN
#include <span>

#include "bindings/python/bytes.hpp"
#include "bindings/python/caller.hpp"
#include "bindings/python/errors.hpp"
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
bool wait_for_room(const Caller* self, PyObject* future, ConstBytes payload) {
  PyObject* bytes = new_bytes(payload);
  if (bytes == nullptr) return false;
  PyObject* given[] = {future, bytes};
  const bool is_kept = succeeded(PyObject_Vectorcall(self->otherwise, given, 2, nullptr));
  Py_DECREF(bytes);
  return is_kept;
}

bool end_notification(const Caller* self, PyObject* future, bool is_taken) {
  if (!is_taken && !succeeded(PyObject_CallNoArgs(self->drop))) return false;
  return set_result(future, is_taken ? Py_True : Py_False);
}

bool send(Caller* self, PyObject* future, ConstBytes payload, std::uint32_t streams,
          std::span<const std::uint64_t> references) {
  DriverBinding& binding = *self->loop_driver;
  CallOptions options = call_options(self->timeout_us, self->flags);
  options.streams = streams;
  options.references = references;
  options.reference_on = self->reference_on;
  binding.pending().reserve_one();
  const Submission sent = unwrap(binding.waking().call(self->client, PendingCalls::token(future), self->method, options,
                                                       view(self->metadata), payload));
  if (options.notify) return end_notification(self, future, sent == Submission::kTaken);
  if (sent != Submission::kTaken && (streams != 0 || !references.empty() || self->reference_on != 0)) {
    raise(Code::kResourceExhausted,
          "too many calls wait to be sent, and one with streams or references is not kept for later");
  }
  if (sent != Submission::kTaken) return wait_for_room(self, future, payload);
  binding.pending().add(future, self->client, reinterpret_cast<PyObject*>(self));
  return true;
}

// A function lives as long as its call, and a notification is none that anybody waits for.
void check_references(const Caller* self, const SharedReferences& references) {
  if ((self->flags & call_flag::kNotify) == 0 || !references.any_of_call()) return;
  raise(Code::kInvalidArgument,
        "a notification passes no function, which would be gone at once: pass ipc.retain(function)");
}

bool is_on_loop(const Caller* self, py::object& loop) {
  loop = py::reinterpret_steal<py::object>(self->loop_driver->running_loop());
  if (loop) return true;
  if (PyErr_Occurred() != nullptr) return false;
  PyObject* allowed = PyObject_CallNoArgs(self->guard);  // the loop, where it does not run
  loop = py::reinterpret_steal<py::object>(allowed);
  return allowed != nullptr;
}

}  // namespace

// Answers with a future, which also tells what is wrong with the arguments.
PyObject* call_on_loop(PyObject* object, PyObject* const* args, std::size_t nargsf, PyObject* names) {
  Caller* self = caller_of(object);
  py::object loop;
  if (!is_on_loop(self, loop)) return nullptr;
  PyObject* future = self->loop_driver->new_call(loop.ptr());
  if (future == nullptr) return nullptr;
  Encoder encoder;
  encoder.accept_streams();
  SharedReferences references(*self->loop_driver, /*in_result=*/false);
  encoder.accept_references(references);
  if (self->reference_on != 0) encoder.put_reference(self->reference);
  const char* const root = "";
  const std::uint64_t token = PendingCalls::token(future);
  const bool is_sent = encode_call(encoder, args, PyVectorcall_NARGS(nargsf), names) && with_codec_errors(root, [&] {
                         const std::uint32_t streams = encoder.stream_count();
                         if (streams != 0 || !references.empty()) {
                           check_references(self, references);
                           self->loop_driver->keep_sources(token, encoder.take_streams(), references.ids());
                         }
                         return send(self, future, encoder.contents(), streams, references.ids());
                       });
  if (!is_sent) {
    const RaisedAside aside;
    if (!self->loop_driver->drop_sources(token)) references.end();
  }
  if (!is_sent && !set_raised(future)) Py_CLEAR(future);
  return future;
}

}  // namespace ipcbridge::python
