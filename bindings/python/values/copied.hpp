#pragma once

#include <cstddef>

#include <pybind11/pybind11.h>

#include "core/base/bytes.hpp"
#include "core/base/copy.hpp"

namespace ipcbridge::python {

// To give the GIL up and to take it back costs some microseconds where others want it.
inline constexpr std::size_t kWorthGivingUpTheGil = 256UL * 1024;

// Copies what nobody else has meanwhile, without the GIL where it is large. The end of the interpreter may end this
// thread where it takes the GIL back: nothing is released then.
inline void copy_without_gil(void* to, ConstBytes from) {
  if (from.empty()) return;
  PyThreadState* state = from.size() < kWorthGivingUpTheGil ? nullptr : PyEval_SaveThread();
  copy_bytes(static_cast<std::byte*>(to), from);
  if (state != nullptr) PyEval_RestoreThread(state);
}

}  // namespace ipcbridge::python
