#include "bindings/python/interrupt.hpp"

#include <cstdint>

#include <pybind11/pybind11.h>

#include "core/base/fork.hpp"
#include "core/base/thread.hpp"

namespace ipcbridge::python {
namespace {

// The thread that forks is the child's main thread, so the answer is kept for one generation only.
bool on_main_thread() {
  struct Known {
    std::uint32_t generation = ~0U;
    bool is_main = false;
  };
  thread_local Known known;
  const std::uint32_t generation = fork_guard::generation();
  if (known.generation != generation) known = {generation, is_main_thread()};
  return known.is_main;
}

bool signal_raised() {
  const PyGILState_STATE gil = PyGILState_Ensure();
  const bool raised = PyErr_CheckSignals() != 0;
  PyGILState_Release(gil);
  return raised;
}

}  // namespace

Interrupted interrupted_by_signals() {
  if (on_main_thread()) return &signal_raised;
  return {};
}

}  // namespace ipcbridge::python
