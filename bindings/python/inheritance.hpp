#pragma once

#include <pybind11/pybind11.h>

#include "bindings/python/caller.hpp"
#include "core/endpoint/nested_calls.hpp"
#include "core/endpoint/options.hpp"

namespace ipcbridge::python {

// The metadata of such a call are whole: what is inherited was put in, or taken out.
inline constexpr unsigned kWholeMetadataFlag = 1U << 17;

// Gives the call what it inherits from the one that the calling handler serves, if any: what is left of its deadline,
// the metadata that pass on, and how many calls wait for it, and which threads: this one, too, if it is one of a
// PoolThread and `blocks` until the call is answered. `metadata`: a new reference where they are others than the
// caller's own, else null. False with an exception set: when nothing is left of the deadline, the metadata are too
// large, or too many calls wait.
bool inherit(const Caller* caller, bool blocks, CallOptions& options, PyObject*& metadata);

// While it lives the calling thread runs handlers as one of these.
class PoolThread {
 public:
  explicit PoolThread(ThreadPoolId pool);
  ~PoolThread();
  PoolThread(const PoolThread&) = delete;
  PoolThread& operator=(const PoolThread&) = delete;

 private:
  ThreadPoolId before_;
};

void add_inheritance(pybind11::module_& module);

}  // namespace ipcbridge::python
