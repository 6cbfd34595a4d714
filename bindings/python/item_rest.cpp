#include "bindings/python/item_rest.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "bindings/python/errors.hpp"
#include "bindings/python/objects.hpp"

namespace ipcbridge::python {
namespace {

// Some bytes, at most so many; null with an exception set, or at the end.
PyObject* next_bytes(PyObject* stream, Py_ssize_t most, ItemRest& rest, NextItem next, NextItem close) {
  while (rest.empty()) {
    PyObject* item = next(stream);
    if (item == nullptr) return nullptr;
    const bool kept = rest.keep(item, stream, close);
    Py_DECREF(item);
    if (!kept) return nullptr;
  }
  return rest.take(most);
}

// False with an exception set.
bool size_of(PyObject* args, const char* format, Py_ssize_t& size) {
  PyObject* given = Py_None;
  if (PyArg_ParseTuple(args, format, &given) == 0) return false;
  size = -1;
  if (given == Py_None) return true;
  size = PyNumber_AsSsize_t(given, PyExc_OverflowError);
  return size != -1 || PyErr_Occurred() == nullptr;
}

PyObject* no_bytes() { return PyBytes_FromStringAndSize(nullptr, 0); }

// Takes the reference.
PyObject* joined(PyObject* chunks) {
  PyObject* bytes = nullptr;
  if (PyList_GET_SIZE(chunks) == 1) {
    bytes = new_reference(PyList_GET_ITEM(chunks, 0));
  } else if (PyObject* empty = no_bytes()) {
    bytes = PyObject_CallMethod(empty, "join", "O", chunks);
    Py_DECREF(empty);
  }
  Py_DECREF(chunks);
  return bytes;
}

// It has been interrupted: the next read() begins with what this one has read.
PyObject* give_back(PyObject* chunks, ItemRest& rest) {
  const RaisedAside aside;
  PyObject* bytes = joined(chunks);
  if (bytes == nullptr) {
    PyErr_Clear();
  } else {
    rest.keep(bytes);
    Py_DECREF(bytes);
  }
  return nullptr;
}

}  // namespace

void ItemRest::keep(PyObject* item) {
  if (PyBytes_GET_SIZE(item) == 0) return;
  Py_INCREF(item);
  Py_XDECREF(std::exchange(bytes, item));
  at = 0;
}

bool ItemRest::keep(PyObject* item, PyObject* stream, NextItem close) {
  if (PyBytes_Check(item) != 0) {
    keep(item);
    return true;
  }
  if (!succeeded(close(stream))) return false;
  set_python_error({Code::kFailedPrecondition,
                    "read() is for streams of bytes, and an item of this one is of the type " +
                        std::string(Py_TYPE(item)->tp_name) + ": iterate over the stream, or have bytes yielded"});
  return false;
}

PyObject* ItemRest::take(Py_ssize_t most) {
  const Py_ssize_t left = PyBytes_GET_SIZE(bytes) - at;
  const Py_ssize_t size = most < 0 ? left : std::min(most, left);
  PyObject* taken = size == PyBytes_GET_SIZE(bytes) ? new_reference(bytes)
                                                    : PyBytes_FromStringAndSize(PyBytes_AS_STRING(bytes) + at, size);
  if (taken == nullptr) return nullptr;
  at += size;
  if (size == left) clear();
  return taken;
}

PyObject* read_bytes(PyObject* stream, PyObject* args, ItemRest& rest, NextItem next, NextItem close) {
  Py_ssize_t size = 0;
  if (!size_of(args, "|O:read", size)) return nullptr;
  PyObject* chunks = PyList_New(0);
  if (chunks == nullptr) return nullptr;
  for (Py_ssize_t left = size; left != 0;) {
    PyObject* chunk = next_bytes(stream, left, rest, next, close);
    if (chunk == nullptr) {
      if (PyErr_Occurred() != nullptr) return give_back(chunks, rest);
      break;
    }
    const bool added = PyList_Append(chunks, chunk) == 0;
    if (left > 0) left -= PyBytes_GET_SIZE(chunk);
    Py_DECREF(chunk);
    if (!added) return give_back(chunks, rest);
  }
  return joined(chunks);
}

PyObject* read_some_bytes(PyObject* stream, PyObject* args, ItemRest& rest, NextItem next, NextItem close) {
  Py_ssize_t size = 0;
  if (!size_of(args, "|O:read1", size)) return nullptr;
  PyObject* bytes = size == 0 ? nullptr : next_bytes(stream, size, rest, next, close);
  return bytes == nullptr && PyErr_Occurred() == nullptr ? no_bytes() : bytes;
}

PyObject* read_into(PyObject* stream, PyObject* buffer, ItemRest& rest, NextItem next, NextItem close) {
  Py_buffer view;
  if (PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE) != 0) return nullptr;
  PyObject* bytes = view.len == 0 ? nullptr : next_bytes(stream, view.len, rest, next, close);
  const Py_ssize_t size = bytes == nullptr ? 0 : PyBytes_GET_SIZE(bytes);
  if (size > 0) std::memcpy(view.buf, PyBytes_AS_STRING(bytes), static_cast<std::size_t>(size));
  Py_XDECREF(bytes);
  PyBuffer_Release(&view);
  return PyErr_Occurred() == nullptr ? PyLong_FromSsize_t(size) : nullptr;
}

}  // namespace ipcbridge::python
