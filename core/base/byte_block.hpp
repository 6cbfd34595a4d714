#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

#include "core/base/bytes.hpp"

namespace ipcbridge {

// Bytes on the heap whose address stays the same when they are moved. No Buffer, which would fill with zeros what is
// then received into.
class ByteBlock {
 public:
  ByteBlock() = default;
  // Not filled. Throws std::bad_alloc. Large ones are no more than promised until they are written to.
  explicit ByteBlock(std::size_t size) : bytes_(size == 0 ? nullptr : new std::byte[size]), size_(size) {}
  explicit ByteBlock(ConstBytes bytes) : ByteBlock(bytes.size()) {
    if (size_ != 0) std::memcpy(bytes_.get(), bytes.data(), size_);
  }
  ByteBlock(ByteBlock&& other) noexcept : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
  ByteBlock& operator=(ByteBlock&& other) noexcept {
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  ByteBlock(const ByteBlock&) = delete;
  ByteBlock& operator=(const ByteBlock&) = delete;
  ~ByteBlock() = default;

  std::byte* data() { return bytes_.get(); }
  const std::byte* data() const { return bytes_.get(); }
  std::byte* begin() { return data(); }
  const std::byte* begin() const { return data(); }
  std::byte* end() { return data() + size_; }
  const std::byte* end() const { return data() + size_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace ipcbridge
