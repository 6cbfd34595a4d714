#pragma once

#include <exception>
#include <new>
#include <optional>
#include <utility>

#include <pybind11/pybind11.h>

#include "bindings/python/errors.hpp"

namespace ipcbridge::python {

[[noreturn]] inline void rethrow_with_gil(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::bad_alloc&) {
    raise(Code::kResourceExhausted, kOutOfMemory);
  }
}

// Runs f without the GIL. Not for exceptions of Python: f touches none of it. Those of C++ are rethrown with the GIL,
// for whoever translates them. No destructor and no catch (...) may take it back: see the class.
template <typename F>
auto without_gil(F f) {
  std::optional<decltype(f())> result;
  std::exception_ptr failure;
  PyThreadState* state = PyEval_SaveThread();
  try {
    result.emplace(f());
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  PyEval_RestoreThread(state);
  if (failure) rethrow_with_gil(failure);
  return *std::move(result);
}

}  // namespace ipcbridge::python
