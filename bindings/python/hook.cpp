#include "bindings/python/hook.hpp"

#include <utility>

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

thread_local PyObject* kept = nullptr;  // owned

// The exception that is set stays set.
void keep_exception() {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback != nullptr) PyException_SetTraceback(value, traceback);
  Py_XINCREF(value);
  Py_XSETREF(kept, value);
  PyErr_Restore(type, value, traceback);
}

PyObject* call_hook(PyObject* hook, PyObject* const* args, Py_ssize_t count) {
  PyObject* result = PyObject_Vectorcall(hook, args, static_cast<std::size_t>(count), nullptr);
  if (result == nullptr && PyErr_ExceptionMatches(PyExc_Exception) == 0) keep_exception();
  return result;
}

PyMethodDef hook_definition = {"hook", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&call_hook)),
                               METH_FASTCALL, nullptr};

PyObject* keeping_interrupts(PyObject* /*module*/, PyObject* hook) {
  return PyCFunction_NewEx(&hook_definition, hook, nullptr);
}

PyObject* raise_interrupt(PyObject* /*module*/, PyObject* /*unused*/) {
  PyObject* value = std::exchange(kept, nullptr);
  if (value == nullptr) Py_RETURN_NONE;
  PyObject* type = reinterpret_cast<PyObject*>(Py_TYPE(value));
  Py_INCREF(type);
  PyErr_Restore(type, value, PyException_GetTraceback(value));
  return nullptr;
}

PyMethodDef functions[] = {
    {"keeping_interrupts", &keeping_interrupts, METH_O,
     "keeping_interrupts($module, hook, /)\n--\n\nThe hook, after whose failure raise_interrupt() raises what was no "
     "Exception."},
    {"raise_interrupt", &raise_interrupt, METH_NOARGS,
     "raise_interrupt($module, /)\n--\n\nRaises what ended a hook of this thread's, if that was no Exception."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void add_hook_functions(py::module_& module) {
  if (PyModule_AddFunctions(module.ptr(), functions) != 0) throw py::error_already_set();
}

}  // namespace ipcbridge::python
