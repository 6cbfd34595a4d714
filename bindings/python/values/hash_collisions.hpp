#pragma once

#include <vector>

#include <pybind11/pybind11.h>

namespace ipcbridge::python {

// Whether more than kMaxCollisions of the keys have one hash, repeated ones counted. A peer that chooses many would
// make a set or dict quadratic, in one call that holds the GIL. The keys are what a decoder makes of bytes: none runs
// code.
bool hash_alike(const std::vector<pybind11::object>& keys, std::size_t every);

}  // namespace ipcbridge::python
