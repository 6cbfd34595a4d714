#include "bindings/python/answer.hpp"

#include <memory>
#include <optional>
#include <vector>

#include "bindings/python/errors.hpp"
#include "bindings/python/inbound_call_object.hpp"
#include "bindings/python/middleware_entry.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/references.hpp"
#include "bindings/python/stream_producer.hpp"
#include "bindings/python/stream_source.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/decoder.hpp"
#include "bindings/python/values/encoder.hpp"
#include "bindings/python/values/memory_object.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// Streams that have not begun.
bool close_all(const std::vector<PyObject*>& sources) {
  for (PyObject* source : sources) {
    close_source(source);
    Py_DECREF(source);
  }
  return true;
}

// A result that may be a stream, or hold some: what makes those is run by `failed`'s service.
bool reply_with_streams(InboundCallObject* self, PyObject* value, PyObject* failed) {
  const char* const root = "result";
  std::optional<OpenedStreams> opened;
  std::vector<PyObject*> sources;
  SharedReferences references(*self->responder, /*retained_only=*/true);
  const bool sent = with_codec_errors(root, [&] {
    Encoder encoder;
    encoder.accept_streams();
    encoder.accept_references(references);
    encoder.accept_attachments();
    encoder.put_value(value);
    const Attachments attachments = place_attachments(encoder, self);
    const Payload payload(encoder.contents(), attachments);
    if (encoder.stream_count() == 0 && references.empty()) {
      self->responder->reply(self->call.key, payload);
      return true;
    }
    opened = self->responder->reply(self->call, payload, encoder.stream_count(), references.ids());
    sources = encoder.take_streams();
    return true;
  });
  references.end();
  if (!sent) return false;
  if (sources.empty()) {
    end_call_of(self);
    return true;
  }
  if (!opened) {  // nobody waits for it, or the caller takes no more
    end_call_of(self);
    return close_all(sources);
  }
  self->open_streams = static_cast<std::uint32_t>(sources.size());
  return begin_streams(*self->responder, self->driver, reinterpret_cast<PyObject*>(self), failed, *opened, sources);
}

// Takes over the reference to `error`.
PyObject* tell_stage(PyObject* call, Stage stage, PyObject* error, PyObject* result, PyObject* failed) {
  PyObject* number = PyLong_FromLong(static_cast<int>(stage));
  PyObject* outcome = nullptr;
  if (number != nullptr) {
    PyObject* given[] = {call, number, error, result == nullptr ? Py_None : result};
    outcome = PyObject_Vectorcall(failed, given, 4, nullptr);
  }
  Py_XDECREF(number);
  Py_DECREF(error);
  return outcome;
}

}  // namespace

PyObject* call_handler(PyObject* call, PyObject* handler, Stage& stage) {
  const char* const root = "";
  py::object args;
  py::object keywords;
  stage = Stage::kArguments;
  const bool read = with_codec_errors(root, [&] {
    const InboundCall& inbound = fields_of(call)->call;
    const std::unique_ptr<StreamMaker> streams =
        inbound.streams.count == 0 ? nullptr : fields_of(call)->responder->arguments_of(inbound);
    ReceivedReferences references(*fields_of(call)->responder, inbound.key.connection);
    Decoder(inbound.message(), streams.get(), &references).read_arguments(args, keywords);
    return true;
  });
  let_go(fields_of(call)->call.storage.attachments);
  if (!read) return nullptr;
  stage = Stage::kHandler;
  PyObject* positional = args.release().ptr();  // no destructor on the handler's way may touch Python
  PyObject* named = keywords.release().ptr();
  PyObject* result = call_serving(handler, call, positional, named);
  Py_DECREF(positional);
  Py_XDECREF(named);
  return result;
}

PyObject* answer_with_stage(PyObject* call, Stage stage, PyObject* result, PyObject* failed) {
  return tell_stage(call, stage, new_reference(Py_None), result, failed);
}

PyObject* answer_with_error(PyObject* call, Stage stage, PyObject* result, PyObject* failed) {
  return tell_stage(call, stage, take_exception().release().ptr(), result, failed);
}

PyObject* answer_with_result(PyObject* call, PyObject* result, PyObject* failed) {
  if (reply_with_streams(fields_of(call), result, failed)) return new_reference(Py_None);
  return answer_with_error(call, Stage::kResult, result, failed);
}

PyObject* answer_with(PyObject* call, PyObject* handler, PyObject* failed) {
  Stage stage = Stage::kArguments;
  PyObject* result = call_handler(call, handler, stage);
  if (result == nullptr) return answer_with_error(call, stage, nullptr, failed);
  PyObject* outcome = answer_with_result(call, result, failed);
  Py_DECREF(result);
  return outcome;
}

}  // namespace ipcbridge::python
