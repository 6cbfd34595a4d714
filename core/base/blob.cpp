#include "core/base/blob.hpp"

#include <new>
#include <numeric>

namespace ipcbridge {
namespace {

class HeapBlob final : public Blob {
 public:
  explicit HeapBlob(ByteBlock block) : Blob({block.data(), block.size()}), block_(std::move(block)) {}

 private:
  ByteBlock block_;
};

}  // namespace

BlobRef make_heap_blob(std::size_t size) {
  try {
    return std::make_shared<HeapBlob>(ByteBlock(size));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

std::size_t total_bytes(std::span<const Attachment> attachments) {
  return std::accumulate(attachments.begin(), attachments.end(), std::size_t{0},
                         [](std::size_t sum, const Attachment& each) { return sum + each.bytes.size(); });
}

}  // namespace ipcbridge
