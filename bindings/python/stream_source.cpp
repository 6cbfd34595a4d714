#include "bindings/python/stream_source.hpp"

#include "bindings/python/objects.hpp"

namespace ipcbridge::python {

PyObject* iterator_of(PyObject* source, bool& is_async) {
  if (PyAsyncGen_CheckExact(source) != 0) {
    is_async = true;
    return new_reference(source);
  }
  if (PyIter_Check(source) != 0) return new_reference(source);
  PyObject* answer = PyObject_GetAttrString(source, "is_async");
  if (answer == nullptr) return nullptr;
  is_async = answer == Py_True;
  Py_DECREF(answer);
  return PyObject_GetAttrString(source, "iterator");
}

int is_async_source(PyObject* source) {
  bool is_async = false;
  PyObject* iterator = iterator_of(source, is_async);
  if (iterator == nullptr) return -1;
  Py_DECREF(iterator);
  return is_async ? 1 : 0;
}

void close_source(PyObject* source) {
  const RaisedAside aside;
  PyObject* close = PyObject_GetAttrString(source, "close");
  if (close == nullptr) {
    PyErr_Clear();
  } else if (!succeeded(PyObject_CallNoArgs(close))) {
    PyErr_WriteUnraisable(source);
  }
  Py_XDECREF(close);
}

}  // namespace ipcbridge::python
