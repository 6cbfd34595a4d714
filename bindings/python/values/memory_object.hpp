#pragma once

#include <cstddef>

#include <pybind11/pybind11.h>

#include "core/base/blob.hpp"

namespace ipcbridge::python {

// ipcbridge._native.Memory: what has arrived beside a message, as an object with the buffer protocol, where it lies. It
// is let go with the last object that looks at it. Read-only, unless it is to be filled. A new reference, or null with
// an exception set.
PyObject* new_memory(const Attachment& attachment, bool is_writable = false);

// So many bytes of memory that is sent without a copy, to be filled. A new reference, or null with an exception set.
PyObject* allocate_memory(std::size_t size);

// The same of one value that nobody changes any more once it is sealed, where the system can do that.
PyObject* allocate_sealable_memory(std::size_t size);
void seal_memory(PyObject* memory);

// Lets go of it, and tells whoever has sent it.
void let_go(Attachments& attachments);

void add_memory_type(pybind11::module_& module);

}  // namespace ipcbridge::python
