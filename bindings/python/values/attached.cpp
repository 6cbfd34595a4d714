#include "bindings/python/values/attached.hpp"

#include <utility>

#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/copied.hpp"
#include "core/endpoint/place_bytes.hpp"

namespace ipcbridge::python {

void AttachedObjects::add(const Py_buffer& view) { views_.push_back(view); }

void AttachedObjects::add(PyObject* bytes) {
  Py_buffer view;
  if (PyObject_GetBuffer(bytes, &view, PyBUF_SIMPLE) != 0) throw pybind11::error_already_set();
  try {
    add(view);
  } catch (...) {
    PyBuffer_Release(&view);
    throw;
  }
}

Attachments AttachedObjects::place(const Driver::Allocator& allocator) {
  Attachments placed;
  placed.reserve(views_.size());
  std::size_t total = 0;
  for (const Py_buffer& view : views_) {
    const auto size = static_cast<std::size_t>(view.len);
    Result<Attachment> found = place_bytes(allocator, {static_cast<const std::byte*>(view.buf), size});
    if (!found.ok()) throw CodecError{found.error().code, found.error().message};
    if (found.value().bytes.data() != view.buf) total += size;
    placed.push_back(std::move(found).value());
  }
  // The end of the interpreter may end this thread where it takes the GIL back: nothing is released then.
  std::vector<Py_buffer> views = std::exchange(views_, {});
  PyThreadState* state = total < kWorthGivingUpTheGil ? nullptr : PyEval_SaveThread();
  for (std::size_t i = 0; i < placed.size(); ++i) {
    fill(placed[i], {static_cast<const std::byte*>(views[i].buf), placed[i].bytes.size()});
  }
  if (state != nullptr) PyEval_RestoreThread(state);
  views_ = std::move(views);
  release();
  return placed;
}

void AttachedObjects::release() {
  while (!views_.empty()) {
    Py_buffer view = views_.back();
    views_.pop_back();
    PyBuffer_Release(&view);
  }
}

}  // namespace ipcbridge::python
