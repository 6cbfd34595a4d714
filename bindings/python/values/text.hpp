#pragma once

#include <cstddef>

#include <pybind11/pybind11.h>

#include "bindings/python/values/message_buffer.hpp"

namespace ipcbridge::python {

// Puts an exact str as UTF-8, its head before it. False, and nothing is put, if it has a lone surrogate. Runs none of
// Python's code, and unlike PyUnicode_AsUTF8 leaves no copy with the string.
bool put_text_slowly(MessageBuffer& out, PyObject* text);

inline bool put_text(MessageBuffer& out, PyObject* text) {
  if (!PyUnicode_IS_COMPACT_ASCII(text)) return put_text_slowly(out, text);
  const auto size = static_cast<std::size_t>(PyUnicode_GET_LENGTH(text));
  out.put_text_head(size);
  out.put(reinterpret_cast<PyASCIIObject*>(text) + 1, size);
  return true;
}

}  // namespace ipcbridge::python
