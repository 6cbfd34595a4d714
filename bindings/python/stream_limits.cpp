#include "bindings/python/stream_limits.hpp"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <string>

#include "bindings/python/caller.hpp"
#include "bindings/python/errors.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

std::string seconds(Duration duration) {
  std::ostringstream text;
  text << std::chrono::duration<double>(duration).count() << " s";
  return text.str();
}

std::string what_is_late(const StreamLimits& limits, TimePoint now) {
  const bool is_over = now >= limits.deadline || limits.idle == Duration::max();  // a loop's timer may be early
  if (is_over) return "its stream has not ended within the timeout of " + seconds(limits.timeout);
  return "no item of its stream has come within the idle_timeout of " + seconds(limits.idle);
}

}  // namespace

TimePoint StreamLimits::until(TimePoint now) const {
  return idle == Duration::max() ? deadline : std::min(deadline, deadline_after(now, idle));
}

PyObject* patience_of(const StreamLimits& limits) {
  if (!limits.any()) Py_RETURN_NONE;
  const TimePoint now = Clock::now();
  return PyFloat_FromDouble(std::chrono::duration<double>(limits.until(now) - now).count());
}

void set_late_error(const StreamLimits& limits, PyObject* keeper, TimePoint now) {
  try {
    const std::string method =
        is_caller(keeper) ? py::handle(caller_of(keeper)->name).cast<std::string>() + "(): " : "";
    raise(Code::kDeadlineExceeded, method + what_is_late(limits, now), "maybe");
  } catch (py::error_already_set& error) {
    error.restore();
  }
}

}  // namespace ipcbridge::python
