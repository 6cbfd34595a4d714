#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>

#include "core/base/result.hpp"

namespace ipcbridge::python {

// Thrown by the codec of values: what it raises as IpcError.
struct CodecError {
  Code code;
  std::string message;
};

// The weight of a message is over kMaxWeight: docs/values.md, "Size".
[[noreturn]] void throw_too_large();

// Where a value stands in what holds it.
struct Step {
  enum Kind : int { kIndex, kMember, kKey, kElement };

  Kind kind;
  Py_ssize_t index;      // of a list's item, a dict's key in its order, a set's element
  pybind11::object key;  // of a dict's value
  pybind11::object holder;
};

// Thrown by the encoder: a value has no form on the wire. Whatever holds it adds its step, the innermost first, so that
// paths cost nothing until one is needed. No code but ours runs before `steps` are complete.
struct Refused {
  const char* reason = nullptr;  // unless `error` tells it
  bool too_deep = false;
  pybind11::object error;  // the Refused of ipcbridge._values._refusal
  std::vector<Step> steps;
  Code code = Code::kInvalidArgument;

  void add(Step::Kind kind, Py_ssize_t index, PyObject* key, PyObject* holder) {
    steps.push_back({kind, index, pybind11::reinterpret_borrow<pybind11::object>(key),
                     pybind11::reinterpret_borrow<pybind11::object>(holder)});
  }
};

// Sets the C++ exception that is being handled as Python's. A Refused is raised as an IpcError that names its path from
// `root` on; want of memory, ours or that of code that was called meanwhile, is an IpcError too.
void set_python_exception(const char* root) noexcept;

// Makes the thread's storage of this module and of the C++ library, which the first exception of a thread wants. glibc
// ends the process where there is no memory for it, so it is made before there may be none.
void allocate_thread_storage() noexcept;

// Runs `use`, which gives a new reference or true. The answer is null, or false, with an exception set if it throws.
// `use` may change what `root` is.
template <typename Use>
auto with_codec_errors(const char* const& root, Use use) noexcept -> decltype(use()) {
  allocate_thread_storage();
  try {
    return use();
  } catch (...) {
    set_python_exception(root);
    return {};
  }
}

}  // namespace ipcbridge::python
