#pragma once

#include <memory>
#include <utility>

#include <pybind11/pybind11.h>

#include "bindings/python/blocking_driver_binding.hpp"
#include "bindings/python/passed_arguments.hpp"
#include "bindings/python/stream_limits.hpp"
#include "bindings/python/values/decoder.hpp"
#include "core/workers/stream_table.hpp"

namespace ipcbridge::python {

// Makes ipcbridge._native.Stream objects, which block for their items, of the streams that came with a message. Those
// that no value has named are left when this ends.
class BlockingStreams final : public StreamMaker {
 public:
  // `keeper`: what they keep in memory, the caller's end; `arguments`: those of the call whose result this is, which
  // may go on while it is read.
  BlockingStreams(BlockingDriverBinding& binding, StreamTable::Queues queues, PyObject* keeper = nullptr,
                  const StreamLimits& limits = {}, std::shared_ptr<PassedArguments> arguments = nullptr)
      : binding_(binding),
        queues_(std::move(queues)),
        keeper_(keeper),
        limits_(limits),
        arguments_(std::move(arguments)) {}
  ~BlockingStreams() override;

  PyObject* make(std::uint32_t place) override;

 private:
  BlockingDriverBinding& binding_;
  StreamTable::Queues queues_;
  PyObject* keeper_;  // borrowed
  StreamLimits limits_;
  std::shared_ptr<PassedArguments> arguments_;
};

void add_stream_type(pybind11::module_& module);

}  // namespace ipcbridge::python
