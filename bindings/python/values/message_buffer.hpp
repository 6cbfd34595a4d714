#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <pybind11/pybind11.h>

#include "bindings/python/values/wire_format.hpp"
#include "core/base/bytes.hpp"

namespace ipcbridge::python {

// The bytes of a message that is being encoded: in this object while they are few, then in a bytes object that grows.
// Throws error_already_set for want of memory, CodecError beyond 4 GiB.
class MessageBuffer {
 public:
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): clearing the first bytes would cost more than most messages
  MessageBuffer() : begin_(inline_), at_(begin_), end_(begin_ + sizeof inline_) {}
  ~MessageBuffer() { Py_XDECREF(bytes_); }
  MessageBuffer(const MessageBuffer&) = delete;
  MessageBuffer& operator=(const MessageBuffer&) = delete;

  ConstBytes contents() const { return {reinterpret_cast<const std::byte*>(begin_), size()}; }
  bool is_short() const { return bytes_ == nullptr; }
  std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }
  void truncate(std::size_t size) { at_ = begin_ + size; }

  // Room for `size` bytes, of which those before `end` count from commit(end) on.
  std::uint8_t* reserve(std::size_t size) {
    if (size > static_cast<std::size_t>(end_ - at_)) grow(size);
    return at_;
  }
  void commit(std::uint8_t* end) { at_ = end; }

  void put(std::uint8_t byte) {
    *reserve(1) = byte;
    ++at_;
  }
  void put(const void* bytes, std::size_t size) {
    std::memcpy(reserve(size), bytes, size);
    at_ += size;
  }
  // A first byte and the number behind it, big-endian.
  template <typename Number>
  void put(std::uint8_t head, Number number) {
    std::uint8_t* at = reserve(1 + sizeof(Number));
    *at = head;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      at[sizeof(Number) - i] = static_cast<std::uint8_t>(number >> (8U * i));
    }
    at_ += 1 + sizeof(Number);
  }

  void put_int(std::int64_t value);
  void put_float(double value) { put(0xcb, std::bit_cast<std::uint64_t>(value)); }
  void put_list_head(std::size_t items) { put_head(items, 0x90, 16, 0xdc); }
  void put_map_head(std::size_t pairs) { put_head(pairs, 0x80, 16, 0xde); }
  // An extension of four bytes: which of the message's attachments stands here.
  static constexpr std::size_t kAttachedBytes = 6;
  void put_attached(std::uint32_t index);
  void put_bytes_head(std::size_t size);
  static std::size_t bytes_head_size(std::size_t size) { return size < 1U << 8U ? 2 : (size < 1U << 16U ? 3 : 5); }
  void put_text_head(std::size_t size);
  void put_extension(Tag tag, const void* contents, std::size_t size);

  // The contents of an extension are what is put between begin_extension and end_extension, which gets its answer, and
  // `more` bytes that are put next.
  std::size_t begin_extension();
  void end_extension(Tag tag, std::size_t begun, std::size_t more = 0);

  // The bytes object. Nothing may be put any more.
  PyObject* finish();

 private:
  void grow(std::size_t size);
  void put_head(std::size_t count, std::uint8_t brief, std::size_t brief_limit, std::uint8_t head16);

  std::uint8_t inline_[512];  // no std::array, which GCC would have initialised
  std::uint8_t* begin_;
  std::uint8_t* at_;
  std::uint8_t* end_;
  PyObject* bytes_ = nullptr;
};

}  // namespace ipcbridge::python
