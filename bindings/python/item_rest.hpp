#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// The next item of a stream: a new reference, or null with an exception set, or null at its end.
using NextItem = PyObject* (*)(PyObject* stream);

// The rest of an item of bytes that read() has taken a part of. Plain data: streams are made without constructors, and
// begin with a zeroed one.
struct ItemRest {
  PyObject* bytes;  // or null
  Py_ssize_t at;

  bool empty() const { return bytes == nullptr; }
  // Keeps an item, which is bytes, unless it is empty. There must be none yet.
  void keep(PyObject* item);
  // The same of any item of the stream. False with an exception set when it is no bytes, which ends the stream.
  bool keep(PyObject* item, PyObject* stream, NextItem close);
  // Up to so many bytes of it, below zero all: a new reference, or null with an exception set. There must be some.
  PyObject* take(Py_ssize_t most = -1);
  void clear() { Py_CLEAR(bytes); }
};

// A stream whose items are bytes, as files are read; `close` ends it where an item is something else.
// read(size=-1): so many bytes, or fewer at the end; all to the end.
PyObject* read_bytes(PyObject* stream, PyObject* args, ItemRest& rest, NextItem next, NextItem close);
// read1(size=-1): what is left of an item, or the next one, and no more bytes than that.
PyObject* read_some_bytes(PyObject* stream, PyObject* args, ItemRest& rest, NextItem next, NextItem close);
// readinto(buffer): the same into memory; how many bytes.
PyObject* read_into(PyObject* stream, PyObject* buffer, ItemRest& rest, NextItem next, NextItem close);

}  // namespace ipcbridge::python
