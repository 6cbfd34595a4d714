#include "bindings/python/stream_errors.hpp"

#include <utility>

#include "bindings/python/caller.hpp"
#include "bindings/python/objects.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

PyObject* error_of = nullptr;  // ipcbridge._client.outcome.error_of
PyObject* failed = nullptr;    // ipcbridge._client.outcome.stream_failed

PyObject* use_stream_errors(PyObject* /*module*/, PyObject* const* args, Py_ssize_t count) {
  if (count != 2) return PyErr_Format(PyExc_TypeError, "use_stream_errors(error_of, stream_failed)");
  Py_XDECREF(std::exchange(error_of, new_reference(args[0])));
  Py_XDECREF(std::exchange(failed, new_reference(args[1])));
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"use_stream_errors", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&use_stream_errors)),
     METH_FASTCALL,
     "What makes the exception of a stream that ends by an error, and what ends one of a call's arguments."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void set_stream_error(const StreamEnd& end, PyObject* keeper) {
  const std::string_view code = code_name(end.code);
  PyObject* text = PyUnicode_DecodeUTF8(end.message.data(), static_cast<Py_ssize_t>(end.message.size()), "replace");
  if (text != nullptr && end.ending != Ending::kRemoteError && is_caller(keeper)) {
    PyObject* why = std::exchange(text, nullptr);
    text = PyUnicode_FromFormat("%U(): its stream broke off: %U", caller_of(keeper)->name, why);
    Py_DECREF(why);
  }
  if (text == nullptr) return;
  PyObject* error = PyObject_CallFunction(error_of, "s#Ny#i", code.data(), static_cast<Py_ssize_t>(code.size()), text,
                                          reinterpret_cast<const char*>(end.details.data()),
                                          static_cast<Py_ssize_t>(end.details.size()), static_cast<int>(end.ending));
  if (error == nullptr) return;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error)), error);
  Py_DECREF(error);
}

PyObject* stream_failed() { return failed; }

void add_stream_errors(py::module_& module) {
  if (PyModule_AddFunctions(module.ptr(), functions) != 0) throw py::error_already_set();
}

}  // namespace ipcbridge::python
