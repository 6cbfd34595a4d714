#include "bindings/python/references.hpp"

#include <algorithm>

#include "bindings/python/blocking_driver_binding.hpp"
#include "bindings/python/driver_binding.hpp"
#include "bindings/python/objects.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "core/rpc/references.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// ipcbridge._references.hooks(driver): (share, end, receive, handlers, outlive). Guarded by the GIL; never freed, since
// threads may outlive the module.
PyObject* make_hooks = nullptr;

enum Hook : Py_ssize_t { kShare, kEnd, kReceive, kHandlers, kOutlive };

py::object object_of(Responder& responder) {
  if (auto* blocking = dynamic_cast<BlockingDriverBinding*>(&responder)) return py::cast(blocking);
  return py::cast(dynamic_cast<DriverBinding*>(&responder));
}

// Made when the first function or object is met. Borrowed; null with an exception set.
PyObject* hook(Responder& responder, Hook which) {
  if (!responder.reference_hooks()) {
    PyObject* made = PyObject_CallOneArg(make_hooks, object_of(responder).ptr());
    if (made == nullptr) return nullptr;
    const auto hooks = py::reinterpret_steal<py::object>(made);
    if (!responder.reference_hooks()) responder.reference_hooks() = hooks;  // another thread may have been quicker
  }
  return PyTuple_GET_ITEM(responder.reference_hooks().ptr(), which);
}

}  // namespace

PyObject* SharedReferences::share(PyObject* value) {
  PyObject* share = hook(responder_, kShare);
  if (share == nullptr) return nullptr;
  if (functions_ == nullptr && (functions_ = PyDict_New()) == nullptr) return nullptr;
  PyObject* given[] = {value, retained_only_ ? Py_True : Py_False, functions_};
  return PyObject_Vectorcall(share, given, 3, nullptr);
}

bool SharedReferences::any_of_call() const {
  return std::any_of(ids_.begin(), ids_.end(), [](std::uint64_t id) { return !References::is_retained(id); });
}

void SharedReferences::end() {
  forget_functions();
  if (!ids_.empty()) end_references(responder_, std::exchange(ids_, {}));
}

void end_references(Responder& responder, const std::vector<std::uint64_t>& ids) {
  const RaisedAside aside;
  PyObject* list = PyList_New(0);
  for (const std::uint64_t id : ids) {
    PyObject* number = PyLong_FromUnsignedLongLong(id);
    if (list != nullptr && number != nullptr) PyList_Append(list, number);
    Py_XDECREF(number);
  }
  PyObject* end = list == nullptr ? nullptr : hook(responder, kEnd);
  if (end == nullptr || !succeeded(PyObject_CallOneArg(end, list))) PyErr_WriteUnraisable(nullptr);
  Py_XDECREF(list);
}

void outlive_wait(Responder& responder) {
  const RaisedAside aside;
  PyObject* outlive = hook(responder, kOutlive);
  if (outlive == nullptr || !succeeded(PyObject_CallNoArgs(outlive))) PyErr_WriteUnraisable(nullptr);
}

PyObject* ReceivedReferences::receive(std::uint64_t id, PyObject* names) {
  PyObject* receive = hook(responder_, kReceive);
  if (receive == nullptr) return nullptr;
  return PyObject_CallFunction(receive, "KKO", static_cast<unsigned long long>(connection_),
                               static_cast<unsigned long long>(id), names);
}

void discard_result(const Payload& payload, StreamMaker* streams, ReferenceReceiver& references) {
  const RaisedAside aside;
  const char* const root = "";
  if (!succeeded(with_codec_errors(root, [&] { return Decoder(payload, streams, &references).read_whole_value(); }))) {
    PyErr_Clear();
  }
}

PyObject* reference_handlers(Responder& responder) {
  if (!responder.reference_hooks()) return nullptr;
  return PyTuple_GET_ITEM(responder.reference_hooks().ptr(), kHandlers);
}

void bind_references(py::module_& module) {
  module.attr("RETAINED") = References::kRetained;
  module.def(
      "use_references", [](const py::object& factory) { make_hooks = new_reference(factory.ptr()); },
      py::arg("factory"));
}

}  // namespace ipcbridge::python
