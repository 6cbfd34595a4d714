#pragma once

#include <cstddef>
#include <vector>

#include <pybind11/pybind11.h>

#include "core/base/blob.hpp"
#include "core/endpoint/driver.hpp"

namespace ipcbridge::python {

// The large values of a message that is being encoded: objects whose memory is held where it is until it has been
// copied to where it travels. Its destructor touches Python only where place() has not been called.
class AttachedObjects {
 public:
  AttachedObjects() = default;
  ~AttachedObjects() { release(); }
  AttachedObjects(const AttachedObjects&) = delete;
  AttachedObjects& operator=(const AttachedObjects&) = delete;

  // Takes the view over.
  void add(const Py_buffer& view);
  // One that lives as long as the arguments of the call do, or the result.
  void add(PyObject* bytes);
  std::size_t size() const { return views_.size(); }

  // Copies all of them to memory of `allocator`, or of the heap where that has none, and lets them go. Gives the GIL up
  // while much is copied: another thread may change what is copied meanwhile, and then some of that travels. Throws
  // CodecError (resource_exhausted).
  Attachments place(const Driver::Allocator& allocator);

 private:
  void release();

  std::vector<Py_buffer> views_;
};

}  // namespace ipcbridge::python
