#pragma once

#include <memory>
#include <vector>

#include <pybind11/pybind11.h>

#include "bindings/python/blocking_driver_binding.hpp"
#include "bindings/python/values/decoder.hpp"
#include "core/workers/stream_table.hpp"

namespace ipcbridge::python {

// Makes ipcbridge._native.Stream objects, which block for their items, of the streams that came with a message. Those
// that no value has named are left when this ends.
class BlockingStreams final : public StreamMaker {
 public:
  BlockingStreams(BlockingDriverBinding& binding, StreamTable::Queues queues)
      : binding_(binding), queues_(std::move(queues)) {}
  ~BlockingStreams() override;

  PyObject* make(std::uint32_t place) override;

 private:
  BlockingDriverBinding& binding_;
  StreamTable::Queues queues_;
};

void add_stream_type(pybind11::module_& module);

}  // namespace ipcbridge::python
