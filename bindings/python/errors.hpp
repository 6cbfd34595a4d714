#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <pybind11/pybind11.h>

#include "core/base/result.hpp"

namespace ipcbridge::python {

// Raises the error as ipcbridge.IpcError, in the subclass that ipcbridge._errors.error_from_code picks.
// `sent` is "no" or "maybe", of the codes that say so: unavailable and deadline_exceeded. Needs the GIL.
[[noreturn]] void raise(Code code, std::string_view message, const char* sent = "no");

template <typename T>
T unwrap(Result<T> result) {
  if (!result.ok()) raise(result.error().code, result.error().message);
  return std::move(result).value();
}

inline void unwrap(const Status& status) {
  if (!status.ok()) raise(status.error().code, status.error().message);
}

// The exception that is set, with its traceback, which is set no more then.
pybind11::object take_exception();

// Sets the error as Python's, as raise() does.
void set_python_error(const Error& error);

// Raises if the process has forked since that generation.
void check_process(std::uint32_t generation);

// A Python string; bytes that are no UTF-8 are replaced, because a peer may have written them.
pybind11::str to_str(std::string_view text);
pybind11::list to_list(const std::vector<std::string>& texts);

}  // namespace ipcbridge::python
