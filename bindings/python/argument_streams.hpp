#pragma once

#include <memory>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/blocking_driver_binding.hpp"
#include "core/workers/local_work.hpp"

namespace ipcbridge::python {

// The generators among the arguments of a blocking call: they run on the thread that waits for it, or for an item of
// its result.
class ArgumentStreams final : public LocalWork {
 public:
  // Takes over the references to the sources. Null with an exception set when one of them cannot be run.
  static std::shared_ptr<ArgumentStreams> create(BlockingDriverBinding& binding, PyObject* driver,
                                                 std::vector<PyObject*> sources);
  // Touches no Python: what end() has not closed is left.
  ~ArgumentStreams() override { binding_.forget_streams(*this); }

  std::uint32_t count() const { return static_cast<std::uint32_t>(sources_.size()); }

  // The state with which the calling thread, which waits, has given up the GIL, and is to take it back.
  static void waits_with(PyThreadState* state);
  static PyThreadState* state();

  bool go_on(Due due) override;

  // Whatever has not come to its end is closed. With the GIL.
  void end();

 private:
  ArgumentStreams(BlockingDriverBinding& binding, PyObject* driver, std::vector<PyObject*> sources)
      : binding_(binding), driver_(driver), sources_(std::move(sources)) {}

  bool begin_or_resume(const StreamKey& stream);

  BlockingDriverBinding& binding_;
  PyObject* driver_;                // borrowed: whoever waits has it
  std::vector<PyObject*> sources_;  // owned; null once begun
};

}  // namespace ipcbridge::python
