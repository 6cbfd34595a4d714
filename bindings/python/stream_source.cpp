#include "bindings/python/stream_source.hpp"

#include "bindings/python/objects.hpp"

namespace ipcbridge::python {
namespace {

constexpr const char* kIterator = "iterator";  // of an ipc.stream; None: it has been taken

bool is_generator(PyObject* source) { return PyGen_CheckExact(source) != 0 || PyAsyncGen_CheckExact(source) != 0; }

PyObject* progress_of(PyObject* source) {
  static PyObject* const kFrame = PyUnicode_InternFromString("gi_frame");
  static PyObject* const kAsyncFrame = PyUnicode_InternFromString("ag_frame");
  static PyObject* const kTaken = PyUnicode_InternFromString(kIterator);
  if (PyGen_CheckExact(source) != 0) return PyObject_GetAttr(source, kFrame);
  return PyObject_GetAttr(source, PyAsyncGen_CheckExact(source) != 0 ? kAsyncFrame : kTaken);
}

}  // namespace

bool is_used_up(PyObject* source) {
  const RaisedAside aside;
  PyObject* progress = progress_of(source);
  if (progress == nullptr) PyErr_Clear();  // a stream that has arrived looks after itself
  const bool used_up = progress == Py_None;
  Py_XDECREF(progress);
  return used_up;
}

void use_up(PyObject* source) {
  if (is_generator(source) || PyIter_Check(source) != 0) return;
  if (PyObject_SetAttrString(source, kIterator, Py_None) != 0) PyErr_Clear();
}

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
  return PyObject_GetAttrString(source, kIterator);
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
