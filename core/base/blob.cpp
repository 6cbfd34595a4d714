#include "core/base/blob.hpp"

#include <cstring>
#include <new>
#include <numeric>
#include <utility>

#include "core/base/copy.hpp"
#include "core/base/pages.hpp"

namespace ipcbridge {
namespace {

constexpr std::size_t kSmallPagesFirst = 2UL * 1024 * 1024;

class HeapBlob final : public Blob {
 public:
  explicit HeapBlob(ByteBlock block) : Blob({block.data(), block.size()}), block_(std::move(block)) {}

 private:
  ByteBlock block_;
};

}  // namespace

ByteBlock block_of_large_pages(std::size_t size) {
  ByteBlock block(size);
  // Not the first of them: whoever announces much and sends little is not to make this process take a large page.
  if (size > kSmallPagesFirst) prefer_large_pages(block.data() + kSmallPagesFirst, size - kSmallPagesFirst);
  return block;
}

BlobRef make_heap_blob(std::size_t size) {
  try {
    return std::make_shared<HeapBlob>(block_of_large_pages(size));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void fill(const Attachment& attachment, ConstBytes from) {
  if (from.empty() || from.data() == attachment.bytes.data()) return;
  if (attachment.memory->is_in_cache()) {
    copy_bytes(attachment.bytes.data(), from);
  } else {
    copy_past_caches(attachment.bytes.data(), from);
  }
}

std::size_t lent_bytes(std::span<const Attachment> attachments) {
  return std::accumulate(attachments.begin(), attachments.end(), std::size_t{0},
                         [](std::size_t sum, const Attachment& each) {
                           return sum + (each.memory->returns() != nullptr ? each.bytes.size() : 0);
                         });
}

std::size_t total_bytes(std::span<const Attachment> attachments) {
  return std::accumulate(attachments.begin(), attachments.end(), std::size_t{0},
                         [](std::size_t sum, const Attachment& each) { return sum + each.bytes.size(); });
}

}  // namespace ipcbridge
