#include "core/endpoint/place_bytes.hpp"

#include <utility>

namespace ipcbridge {

Result<Attachment> place_bytes(const Driver::Allocator& allocator, ConstBytes bytes) {
  if (Attachment found = find_blob(bytes); found.memory) return found;
  BlobRef blob;
  if (allocator) {
    Result<BlobRef> shared = allocator(bytes.size());
    if (!shared.ok()) return shared.error();
    blob = std::move(shared).value();
  }
  if (!blob) blob = make_heap_blob(bytes.size());
  if (!blob) return Error{Code::kResourceExhausted, kOutOfMemory};
  return Attachment(std::move(blob));
}

}  // namespace ipcbridge
