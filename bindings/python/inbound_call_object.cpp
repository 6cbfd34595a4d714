#include "bindings/python/inbound_call_object.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "bindings/python/answer.hpp"
#include "bindings/python/bytes.hpp"
#include "bindings/python/current_call.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/references.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/decoder.hpp"
#include "bindings/python/values/encoder.hpp"
#include "core/endpoint/nested_calls.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyTypeObject* type_of_calls = nullptr;

}  // namespace

Attachments place_attachments(Encoder& encoder, InboundCallObject* call) {
  if (!encoder.has_attachments()) return {};
  return encoder.place_attachments(call->responder->allocator_for(call->call.key.connection));
}

namespace {

bool reply_with(InboundCallObject* self, PyObject* value) {
  const char* const root = "result";
  const bool sent = with_codec_errors(root, [&] {
    Encoder encoder;
    encoder.accept_attachments();
    encoder.put_value(value);
    const Attachments attachments = place_attachments(encoder, self);
    self->responder->reply(self->call.key, {encoder.contents(), attachments});
    return true;
  });
  if (sent) end_call_of(self);
  return sent;
}

PyObject* reply(PyObject* object, PyObject* value) {
  if (!reply_with(fields_of(object), value)) return nullptr;
  Py_RETURN_NONE;
}

PyObject* reply_error(PyObject* object, PyObject* args) {
  int code = 0;
  const char* message = nullptr;
  Py_ssize_t message_size = 0;
  PyObject* details = nullptr;
  if (PyArg_ParseTuple(args, "is#S:reply_error", &code, &message, &message_size, &details) == 0) return nullptr;
  InboundCallObject* self = fields_of(object);
  const char* const root = "";
  const bool sent = with_codec_errors(root, [&] {
    self->responder->reply_error(self->call.key,
                                 code_from_number(static_cast<std::uint8_t>(code)).value_or(Code::kUnknown),
                                 {message, static_cast<std::size_t>(message_size)}, view(details));
    return true;
  });
  if (!sent) return nullptr;
  end_call_of(self);
  Py_RETURN_NONE;
}

PyObject* arguments(PyObject* object, PyObject* /*unused*/) {
  const char* const root = "";
  InboundCallObject* self = fields_of(object);
  return with_codec_errors(root, [&] {
    const std::unique_ptr<StreamMaker> streams = self->responder->arguments_of(self->call);
    ReceivedReferences references(*self->responder, self->call.key.connection);
    return Decoder(self->call.message(), streams.get(), &references).read_whole_arguments();
  });
}

PyObject* answer_with_method(PyObject* object, PyObject* const* args, Py_ssize_t count) {
  if (count != 2) return PyErr_Format(PyExc_TypeError, "answer_with(handler, failed)");
  return answer_with(object, args[0], args[1]);
}

PyObject* cancel(PyObject* object, PyObject* /*unused*/) {
  fields_of(object)->is_cancelled = true;
  Py_RETURN_NONE;
}

PyObject* cancelled(PyObject* object, PyObject* /*unused*/) {
  const InboundCallObject* self = fields_of(object);
  return PyBool_FromLong(self->is_cancelled || self->responder->cancelled(self->call.key) ? 1 : 0);
}

PyObject* get_server(PyObject* object, void* /*unused*/) {
  PyObject* server = fields_of(object)->server;
  return new_reference(server == nullptr ? Py_None : server);
}

PyObject* get_method(PyObject* object, void* /*unused*/) { return new_reference(fields_of(object)->method); }

PyObject* get_key(PyObject* object, void* /*unused*/) {
  const RequestKey& key = fields_of(object)->call.key;
  return Py_BuildValue("KK", static_cast<unsigned long long>(key.connection), static_cast<unsigned long long>(key.id));
}

PyObject* get_metadata(PyObject* object, void* /*unused*/) { return new_bytes(fields_of(object)->call.metadata); }

PyObject* get_held(PyObject* object, void* /*unused*/) {
  return new_bytes(HeldThreads(fields_of(object)->call.metadata).bytes());
}

PyObject* get_driver(PyObject* object, void* /*unused*/) { return new_reference(fields_of(object)->driver); }

PyObject* get_reference(PyObject* object, void* /*unused*/) {
  return PyLong_FromUnsignedLongLong(fields_of(object)->call.reference);
}

PyObject* get_number(PyObject* object, void* /*unused*/) {
  const InboundCall& call = fields_of(object)->call;
  return PyLong_FromUnsignedLong(call.reference == 0 ? call.method : call.reference_method);
}

PyObject* get_passed_on(PyObject* object, void* /*unused*/) {
  PyObject* kept = fields_of(object)->passed_on;
  return new_reference(kept == nullptr ? Py_None : kept);
}

int set_passed_on(PyObject* object, PyObject* value, void* /*unused*/) {
  Py_XINCREF(value);
  Py_XDECREF(std::exchange(fields_of(object)->passed_on, value));
  return 0;
}

PyObject* get_is_notification(PyObject* object, void* /*unused*/) {
  return PyBool_FromLong(fields_of(object)->call.notify ? 1 : 0);
}

PyObject* get_is_answered(PyObject* object, void* /*unused*/) { return PyBool_FromLong(is_answered(object) ? 1 : 0); }

// In the seconds of time.monotonic(), whose clock is that of std::chrono::steady_clock.
PyObject* get_deadline(PyObject* object, void* /*unused*/) {
  const InboundCall& call = fields_of(object)->call;
  if (call.timeout_us == 0) Py_RETURN_NONE;
  const std::chrono::duration<double> received = call.received.time_since_epoch();
  return PyFloat_FromDouble(received.count() + static_cast<double>(call.timeout_us) / 1e6);
}

int traverse(PyObject* object, visitproc visit, void* arg) {
  InboundCallObject* self = fields_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->driver);
  Py_VISIT(self->server);
  Py_VISIT(self->passed_on);
  return 0;
}

int clear(PyObject* object) {
  end_call_of(fields_of(object));
  return 0;
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  InboundCallObject* self = fields_of(object);
  end_call_of(self);
  Py_DECREF(self->driver);
  Py_DECREF(self->method);
  Py_XDECREF(self->passed_on);
  self->call.~InboundCall();
  type->tp_free(object);
  Py_DECREF(type);
}

PyGetSetDef properties[] = {
    {"server", &get_server, nullptr, "The service's object; None once the call has been answered.", nullptr},
    {"method", &get_method, nullptr, "The name under which the handler was called.", nullptr},
    {"key", &get_key, nullptr, "The connection and the call's id on it.", nullptr},
    {"metadata", &get_metadata, nullptr, "Bytes, empty if there are none.", nullptr},
    {"held", &get_held, nullptr, "The threads that wait for it, as its metadata tell of them; empty if there are none.",
     nullptr},
    {"deadline", &get_deadline, nullptr, "In seconds of time.monotonic(); None if the caller waits for ever.", nullptr},
    {"driver", &get_driver, nullptr, "Which has read it.", nullptr},
    {"reference", &get_reference, nullptr, "The id of the function or object that is called; 0: a service is.",
     nullptr},
    {"number", &get_number, nullptr, "The number of the method; of a reference it may be any.", nullptr},
    {"is_notification", &get_is_notification, nullptr, "Whether nobody waits for an answer.", nullptr},
    {"is_answered", &get_is_answered, nullptr, "Also the streams of its result are over.", nullptr},
    {"passed_on", &get_passed_on, &set_passed_on, "What calls of the handler inherit, once that is known.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMethodDef methods[] = {
    {"arguments", &arguments, METH_NOARGS, "The positional and the keyword arguments, decoded anew. Raises IpcError."},
    {"reply", &reply, METH_O,
     "Answers with a value. Raises IpcError for one that cannot be sent; nothing is sent then."},
    {"reply_error", &reply_error, METH_VARARGS, "Answers with an error: its code's number, a message, details."},
    {"answer_with", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&answer_with_method)), METH_FASTCALL,
     "Answers with what a plain handler returns, or leaves the answer to failed(call, stage, error, result)."},
    {"cancel", &cancel, METH_NOARGS, "Notes that the caller has stopped waiting."},
    {"cancelled", &cancelled, METH_NOARGS, "Whether the caller has stopped waiting."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(&dealloc)}, {Py_tp_traverse, slot(&traverse)}, {Py_tp_clear, slot(&clear)},
    {Py_tp_getset, properties},      {Py_tp_methods, methods},          {0, nullptr},
};

PyType_Spec spec = {
    "ipcbridge._native.InboundCall",
    static_cast<int>(sizeof(InboundCallObject)),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    slots,
};

}  // namespace

PyObject* new_inbound_call(InboundCall&& call, const CallOrigin& origin) {
  InboundCallObject* self = PyObject_GC_New(InboundCallObject, type_of_calls);
  if (self == nullptr) return nullptr;
  self->responder = origin.responder;
  self->driver = new_reference(origin.driver);
  self->server = new_reference(origin.server);
  self->method = new_reference(origin.method);
  self->passed_on = nullptr;
  self->is_cancelled = false;
  note_call_served();
  self->open_streams = 0;
  new (&self->call) InboundCall(std::move(call));
  auto* object = reinterpret_cast<PyObject*>(self);
  PyObject_GC_Track(object);
  return object;
}

ServerId server_of(PyObject* call) { return fields_of(call)->call.server; }

void end_call(PyObject* call) {
  if (call == Py_None) return;
  InboundCallObject* self = fields_of(call);
  if (self->open_streams > 0 && --self->open_streams == 0) end_call_of(self);
}

void note_cancelled(PyObject* call) {
  if (call != Py_None) fields_of(call)->is_cancelled = true;
}

const InboundCall& inbound_call_of(PyObject* call) { return fields_of(call)->call; }

bool is_answered(PyObject* call) { return fields_of(call)->server == nullptr; }

bool has_open_streams(PyObject* call) { return fields_of(call)->open_streams != 0; }

PyTypeObject* inbound_call_type() { return type_of_calls; }

void add_inbound_call_type(py::module_& module) {
  const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  type_of_calls = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
  // Made by handlers' callers only.
  type_of_calls->tp_new = nullptr;
  module.attr("InboundCall") = type;
}

}  // namespace ipcbridge::python
