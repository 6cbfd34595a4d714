#include "core/endpoint/place_bytes.hpp"

#include <utility>

namespace ipcbridge {

namespace {

Result<Attachment> place(const Driver::Allocator& allocator, std::size_t size) {
  BlobRef blob;
  if (allocator) {
    Result<BlobRef> shared = allocator(size);
    if (!shared.ok()) return shared.error();
    blob = std::move(shared).value();
  }
  if (!blob) blob = make_heap_blob(size);
  if (!blob) return Error{Code::kResourceExhausted, kOutOfMemory};
  return Attachment(std::move(blob));
}

}  // namespace

Result<Attachment> place_bytes(const Driver::Allocator& allocator, ConstBytes bytes) {
  if (Attachment found = find_blob(bytes); found.memory) return found;
  return place(allocator, bytes.size());
}

Result<Attachment> place_table(const Driver::Allocator& allocator, std::size_t size) {
  BlobRef blob = size < kWorthSealing || !allocator ? nullptr : allocate_sealable_blob(size);
  return blob ? Attachment(std::move(blob)) : place(allocator, size);
}

}  // namespace ipcbridge
