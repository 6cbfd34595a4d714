#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <pybind11/pybind11.h>

#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/decoder.hpp"
#include "core/workers/stream_queue.hpp"

namespace ipcbridge::python {

// Reads the items of a stream that came together, one by one.
class BatchReader {
 public:
  void begin(StreamQueue::Batch&& batch) {
    batch_ = std::move(batch);
    taken_ = 0;
    at_ = 0;
  }
  void clear() { begin({}); }

  const StreamQueue::Batch& batch() const { return batch_; }
  bool has_item() const { return taken_ < batch_.count; }

  // The next item, which there is: a new reference, or null with an exception set.
  PyObject* read() {
    const ConstBytes rest = batch_.items.subspan(at_);
    const auto size = load<std::uint32_t>(rest.data());
    at_ += sizeof size + size;
    ++taken_;
    const char* const root = "";
    return with_codec_errors(root, [&] { return Decoder(rest.subspan(sizeof size, size)).read_whole_value(); });
  }

 private:
  StreamQueue::Batch batch_;
  std::uint32_t taken_ = 0;  // of its items
  std::size_t at_ = 0;       // in its bytes
};

}  // namespace ipcbridge::python
