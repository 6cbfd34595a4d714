#pragma once

#include <cstddef>
#include <vector>

#include <napi.h>

#include "core/base/blob.hpp"
#include "core/base/bytes.hpp"
#include "core/endpoint/driver.hpp"

namespace ipcbridge::node {

// What JavaScript attaches to the message that it sends next: views of its memory, which stays where it is until then,
// because nothing of JavaScript runs between.
class OutgoingAttachments {
 public:
  void use(napi_env env, napi_value views);
  // Copies them to memory of `allocator`, or of the heap where that has none. resource_exhausted.
  Result<Attachments> take(const Driver::Allocator& allocator);

 private:
  std::vector<ConstBytes> views_;
};

// An array of ArrayBuffers that are where the attachments lie, or of copies where this engine allows no such thing
// (Electron); undefined of none.
napi_value to_array_buffers(napi_env env, Attachments attachments);

}  // namespace ipcbridge::node
