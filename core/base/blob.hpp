#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/base/byte_block.hpp"
#include "core/base/bytes.hpp"

namespace ipcbridge {

class BlobReturns;

// The memory of a large value: of this process, or shared with another one. It is there for as long as somebody has a
// BlobRef, on any thread, whatever becomes of the connection that it came over.
class Blob {
 public:
  virtual ~Blob() = default;
  Blob(const Blob&) = delete;
  Blob& operator=(const Blob&) = delete;

  std::byte* data() const { return bytes_.data(); }
  std::size_t size() const { return bytes_.size(); }
  MutableBytes bytes() const { return bytes_; }

  // Whether another process can change the bytes while they are looked at: what reads one twice must copy first.
  virtual bool is_shared() const { return false; }
  // Whether this process may write to them. A store to what it may not ends the process.
  virtual bool is_writable() const { return true; }
  // Whether what is here is likely to be in a cache of the processor. What is not is written to past the caches, since
  // nobody who does so reads it.
  virtual bool is_in_cache() const { return true; }
  // Nobody can change what is here any more, this process neither. False where that cannot be had, or not be told.
  virtual bool seal() { return false; }
  // It is needed no more, although somebody may still look at it: what that shows is what comes next. Any thread.
  virtual void give_back() {}
  // Where it is noted that it is needed no more, if anybody wants to know.
  virtual std::shared_ptr<BlobReturns> returns() const { return nullptr; }

 protected:
  explicit Blob(MutableBytes bytes) : bytes_(bytes) {}

 private:
  MutableBytes bytes_;
};
using BlobRef = std::shared_ptr<Blob>;

// Not filled. What is not written to takes no memory, and large ones are in large pages where the system has them.
// Throws std::bad_alloc.
ByteBlock block_of_large_pages(std::size_t size);

// The same as a blob; null where there is no memory for it.
BlobRef make_heap_blob(std::size_t size);

// Bytes that travel beside a message, and not within it: they are a part of the memory, or all of it.
struct Attachment {
  BlobRef memory;
  MutableBytes bytes;

  Attachment() = default;
  explicit Attachment(BlobRef blob) : memory(std::move(blob)), bytes(memory->bytes()) {}
  Attachment(BlobRef blob, MutableBytes part) : memory(std::move(blob)), bytes(part) {}
};
using Attachments = std::vector<Attachment>;

// `from`, which is of its size, and which it may be, becomes what the attachment is.
void fill(const Attachment& attachment, ConstBytes from);

std::size_t total_bytes(std::span<const Attachment> attachments);
// Of those, the ones that lie in memory of the sender's, which waits for it.
std::size_t lent_bytes(std::span<const Attachment> attachments);

// What a message is given to carry: encoded values, and the bytes that they say are attached. Views.
struct Payload {
  ConstBytes bytes;
  std::span<const Attachment> attachments;

  Payload() = default;
  // NOLINTBEGIN(google-explicit-constructor): most have nothing attached
  Payload(ConstBytes encoded) : bytes(encoded) {}
  Payload(const Buffer& encoded) : bytes(encoded) {}
  Payload(const ByteBlock& encoded) : bytes(encoded) {}
  // NOLINTEND(google-explicit-constructor)
  Payload(ConstBytes encoded, std::span<const Attachment> attached) : bytes(encoded), attachments(attached) {}

  std::size_t size() const { return bytes.size() + total_bytes(attachments); }
};

// What a message has brought: the memory of its bytes, into which views point, and what is attached to it.
struct MessageStorage {
  ByteBlock body;
  Attachments attachments;
};

}  // namespace ipcbridge
