#pragma once

#include <cstddef>
#include <cstdint>

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// A new reference to the str of these bytes, or null with an exception set: UnicodeDecodeError if they are not UTF-8.
PyObject* make_text(const std::uint8_t* bytes, std::size_t size);

// The same for a dict's key. Tables repeat their keys in every row, so that the latest short ones are kept, with the
// hashes that they have come to know.
PyObject* make_key(const std::uint8_t* bytes, std::size_t size);

}  // namespace ipcbridge::python
