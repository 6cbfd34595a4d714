#pragma once

#include <memory>
#include <utility>

#include <pybind11/pybind11.h>

#include "bindings/python/driver_binding.hpp"
#include "bindings/python/values/decoder.hpp"
#include "core/workers/stream_table.hpp"

namespace ipcbridge::python {

// Makes the streams of an event loop, of the class that the driver was given, of those that came with a message. Those
// that no value has named are left when this ends.
class LoopStreams final : public StreamMaker {
 public:
  // `keeper`: what they keep in memory, the caller's end.
  LoopStreams(DriverBinding& binding, StreamTable::Queues queues, PyObject* keeper = nullptr,
              const StreamLimits& limits = {})
      : binding_(binding), queues_(std::move(queues)), keeper_(keeper), limits_(limits) {}
  ~LoopStreams() override;

  PyObject* make(std::uint32_t place) override;

 private:
  DriverBinding& binding_;
  StreamTable::Queues queues_;
  PyObject* keeper_;  // borrowed
  StreamLimits limits_;
};

// There is something to take from the queue of this stream. False with an exception set.
bool wake_loop_stream(PyObject* stream);

void add_loop_stream_type(pybind11::module_& module);

}  // namespace ipcbridge::python
