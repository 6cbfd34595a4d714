#pragma once

#include <cstdint>

#include <pybind11/pybind11.h>

#include "core/base/clock.hpp"

namespace ipcbridge::python {

struct Caller;

// What of a call's options ends the streams of its result.
struct StreamLimits {
  TimePoint deadline = kNever;
  Duration timeout = Duration::max();  // from which the deadline was made
  Duration idle = Duration::max();     // how long one item may keep its reader waiting

  bool any() const { return deadline != kNever || idle != Duration::max(); }
  // Until when to wait for the next item.
  TimePoint until(TimePoint now) const;
};

// How many seconds the next item may take, as a Python object; None: any time.
PyObject* patience_of(const StreamLimits& limits);

// Raises that a stream has gone beyond them, at that time. `keeper`: the Caller, or else some object that is none.
void set_late_error(const StreamLimits& limits, PyObject* keeper, TimePoint now);

}  // namespace ipcbridge::python
