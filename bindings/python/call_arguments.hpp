#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/passed_arguments.hpp"

namespace ipcbridge::python {

// Those of a blocking call: its generators run on the thread that waits for it, or for an item of its result, and its
// functions there while it waits for the call.
class CallArguments final : public PassedArguments {
 public:
  // Null with an exception set when one of the sources cannot be run.
  static std::shared_ptr<CallArguments> create(BlockingDriverBinding& binding, PyObject* driver,
                                               std::vector<PyObject*> sources, std::vector<std::uint64_t> references);
  ~CallArguments() override { binding().forget_streams(*this); }

  // The state with which the calling thread, which waits, has given up the GIL, and is to take it back.
  static void waits_with(PyThreadState* state);
  static PyThreadState* state();

  bool needs_waiting_thread() const override { return true; }
  bool go_on(Due due) override;

 private:
  using PassedArguments::PassedArguments;

  bool begin_or_resume(const StreamKey& stream);
  bool run(InboundCall& call);
};

}  // namespace ipcbridge::python
