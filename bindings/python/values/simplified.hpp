#pragma once

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// Throws what has been raised: Refused if it is the rules' refusal.
[[noreturn]] void throw_raised();

// What a value that is not plain stands for, by the rules: one step. Throws Refused and error_already_set.
pybind11::object simplified(PyObject* value);

// What `key` is simplified to as long as that is a plain value; itself if that fails, to be met again with its path.
pybind11::object simple_key(PyObject* key);

// Keyword arguments by names that are plain strings: `keywords` itself if they are. Throws Refused.
pybind11::object with_text_keys(PyObject* keywords);

}  // namespace ipcbridge::python
