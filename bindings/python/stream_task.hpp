#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python::stream_task {

// The methods of a StreamProducer, which the task of an asynchronous one calls; those of its type say what each does.

PyObject* put(PyObject* object, PyObject* item);
PyObject* room(PyObject* object, PyObject* unused);
PyObject* on_wake(PyObject* object, PyObject* args);
PyObject* flush(PyObject* object, PyObject* unused);
PyObject* end(PyObject* object, PyObject* unused);
PyObject* end_with(PyObject* object, PyObject* args);

}  // namespace ipcbridge::python::stream_task
