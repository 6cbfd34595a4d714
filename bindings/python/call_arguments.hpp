#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/blocking_driver_binding.hpp"
#include "core/workers/local_work.hpp"

namespace ipcbridge::python {

// What the arguments of a blocking call hold that lives while it does: generators, which run on the thread that waits
// for it, or for an item of its result, and functions, which run there while it waits for the call.
class CallArguments final : public LocalWork {
 public:
  // Takes over the references to the sources of streams, and the ids of functions and objects. Null with an exception
  // set when one of the sources cannot be run.
  static std::shared_ptr<CallArguments> create(BlockingDriverBinding& binding, PyObject* driver,
                                               std::vector<PyObject*> sources, std::vector<std::uint64_t> references);
  // Touches no Python: what end() has not closed is left.
  ~CallArguments() override { binding_.forget_streams(*this); }

  std::uint32_t stream_count() const { return static_cast<std::uint32_t>(sources_.size()); }
  std::span<const std::uint64_t> references() const { return references_; }

  // The state with which the calling thread, which waits, has given up the GIL, and is to take it back.
  static void waits_with(PyThreadState* state);
  static PyThreadState* state();

  bool go_on(Due due) override;

  // Whatever has not come to its end is closed. With the GIL.
  void end();

 private:
  CallArguments(BlockingDriverBinding& binding, PyObject* driver, std::vector<PyObject*> sources,
                std::vector<std::uint64_t> references)
      : binding_(binding), driver_(driver), sources_(std::move(sources)), references_(std::move(references)) {}

  bool begin_or_resume(const StreamKey& stream);
  bool run(InboundCall& call);

  BlockingDriverBinding& binding_;
  PyObject* driver_;                // borrowed: whoever waits has it
  std::vector<PyObject*> sources_;  // owned; null once begun
  std::vector<std::uint64_t> references_;
};

}  // namespace ipcbridge::python
