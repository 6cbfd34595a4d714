#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/blocking_driver_binding.hpp"
#include "core/workers/local_work.hpp"

namespace ipcbridge::python {

// What the arguments of a call hold that lives while it does, and while the streams of its result are open: generators
// and functions. With the GIL, but for what LocalWork says otherwise. Where it goes, it forgets its streams first, and
// what end() has not closed is left.
class PassedArguments : public LocalWork {
 public:
  std::uint32_t stream_count() const { return static_cast<std::uint32_t>(sources_.size()); }
  std::span<const std::uint64_t> references() const { return references_; }

  // They are run by the thread that waits for the call, or for an item of its result.
  virtual bool needs_waiting_thread() const = 0;

  // Whatever has not come to its end is closed.
  void end();

 protected:
  // Takes over the references to the sources of streams, and the ids of functions and objects.
  PassedArguments(BlockingDriverBinding& binding, PyObject* driver, std::vector<PyObject*> sources,
                  std::vector<std::uint64_t> references)
      : binding_(binding), driver_(driver), sources_(std::move(sources)), references_(std::move(references)) {}

  BlockingDriverBinding& binding() const { return binding_; }
  PyObject* driver() const { return driver_; }
  std::span<PyObject* const> sources() const { return sources_; }
  // The source of a stream that is to begin; null for one that has.
  PyObject* take_source(const StreamKey& stream);

 private:
  BlockingDriverBinding& binding_;
  PyObject* driver_;                // borrowed: whoever waits has it
  std::vector<PyObject*> sources_;  // owned; null once begun
  std::vector<std::uint64_t> references_;
};

}  // namespace ipcbridge::python
