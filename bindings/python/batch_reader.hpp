#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <pybind11/pybind11.h>

#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/decoder.hpp"
#include "core/workers/stream_queue.hpp"

namespace ipcbridge::python {

// Reads the items of a stream that came together, one by one. Guarded by the GIL, which reading an item may give up, as
// it may run Python code: meanwhile others may read, put the next batch in place of this one, or clear it.
class BatchReader {
 public:
  void begin(StreamQueue::Batch&& batch) {
    if (is_being_read()) batch_ = std::make_shared<StreamQueue::Batch>();
    *batch_ = std::move(batch);
    taken_ = 0;
    at_ = 0;
    attachments_taken_ = 0;
  }
  void clear() { begin({}); }

  const StreamQueue::Batch& batch() const { return *batch_; }
  bool has_item() const { return taken_ < batch_->count; }

  // The next item, which there is: a new reference, or null with an exception set.
  PyObject* read() {
    const std::shared_ptr<const StreamQueue::Batch> held = batch_;
    const ConstBytes rest = held->items.subspan(at_);
    const auto size = load<std::uint32_t>(rest.data());
    at_ += sizeof size + size;
    ++taken_;
    const char* const root = "";
    const auto read = [&] {
      Decoder decoder({rest.subspan(sizeof size, size), held->attachments()}, attachments_taken_);
      PyObject* item = decoder.read_whole_value();
      attachments_taken_ = decoder.attachments_taken();
      return item;
    };
    return with_codec_errors(root, read);
  }

 private:
  bool is_being_read() const { return batch_.use_count() > 1; }

  std::shared_ptr<StreamQueue::Batch> batch_ = std::make_shared<StreamQueue::Batch>();
  std::uint32_t taken_ = 0;  // of its items
  std::size_t at_ = 0;       // in its bytes
  std::size_t attachments_taken_ = 0;
};

}  // namespace ipcbridge::python
