#pragma once

#include <pybind11/pybind11.h>

#include "bindings/python/caller.hpp"
#include "core/endpoint/options.hpp"

namespace ipcbridge::python {

// The metadata of such a call are whole: what is inherited was put in, or taken out.
inline constexpr unsigned kWholeMetadataFlag = 1U << 17;

// Gives the call what it inherits from the one that the calling handler serves, if any: what is left of its deadline,
// the metadata that pass on, and how many calls wait for it. `metadata`: a new reference where they are others than the
// caller's own, else null. False with an exception set: when nothing is left of the deadline, the metadata are too
// large, or too many calls wait.
bool inherit(const Caller* caller, CallOptions& options, PyObject*& metadata);

void add_inheritance(pybind11::module_& module);

}  // namespace ipcbridge::python
