#include "bindings/python/values/message_buffer.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "bindings/python/values/codec_error.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

// Most sets and dicts take this much for the header of their extension: a first byte, a size of one byte, the type.
constexpr std::size_t kUsualHeader = 3;
constexpr std::size_t kLongestHeader = 6;

// Whatever is within this needs no larger size of anything in it.
constexpr std::size_t kMaxSize = std::numeric_limits<std::uint32_t>::max();

std::uint8_t* put_size(std::uint8_t* at, std::size_t size, unsigned width) {
  for (unsigned i = width; i > 0; --i) *at++ = static_cast<std::uint8_t>(size >> (8U * (i - 1)));
  return at;
}

// Writes the header of an extension and returns where it ends.
std::uint8_t* put_extension_head(std::uint8_t* at, Tag tag, std::size_t size) {
  if (size <= 16 && std::has_single_bit(size)) {
    *at++ = static_cast<std::uint8_t>(0xd4 + std::countr_zero(size));
  } else {
    const unsigned width = size < 1U << 8U ? 0 : (size < 1U << 16U ? 1 : 2);
    *at++ = static_cast<std::uint8_t>(0xc7 + width);
    at = put_size(at, size, 1U << width);
  }
  *at++ = static_cast<std::uint8_t>(tag);
  return at;
}

}  // namespace

void MessageBuffer::put_int(std::int64_t value) {
  using Limits32 = std::numeric_limits<std::int32_t>;
  const auto bits = static_cast<std::uint64_t>(value);
  if (value >= 0) {
    if (value < 1 << 7) return put(static_cast<std::uint8_t>(bits));
    if (value < 1 << 8) return put(0xcc, static_cast<std::uint8_t>(bits));
    if (value < 1 << 16) return put(0xcd, static_cast<std::uint16_t>(bits));
    if (value <= std::numeric_limits<std::uint32_t>::max()) return put(0xce, static_cast<std::uint32_t>(bits));
    return put(0xcf, bits);
  }
  if (value >= -(1 << 5)) return put(static_cast<std::uint8_t>(bits));
  if (value >= -(1 << 7)) return put(0xd0, static_cast<std::uint8_t>(bits));
  if (value >= -(1 << 15)) return put(0xd1, static_cast<std::uint16_t>(bits));
  if (value >= Limits32::min()) return put(0xd2, static_cast<std::uint32_t>(bits));
  return put(0xd3, bits);
}

void MessageBuffer::put_attached(std::uint32_t index) {
  put(0xd6);
  put(static_cast<std::uint8_t>(Tag::kAttached), index);
}

void MessageBuffer::put_bytes_head(std::size_t size) {
  if (size < 1U << 8U) return put(0xc4, static_cast<std::uint8_t>(size));
  if (size < 1U << 16U) return put(0xc5, static_cast<std::uint16_t>(size));
  return put(0xc6, static_cast<std::uint32_t>(size));
}

void MessageBuffer::put_text_head(std::size_t size) {
  if (size >= 32 && size < 1U << 8U) return put(0xd9, static_cast<std::uint8_t>(size));
  put_head(size, 0xa0, 32, 0xda);
}

void MessageBuffer::put_head(std::size_t count, std::uint8_t brief, std::size_t brief_limit, std::uint8_t head16) {
  if (count < brief_limit) return put(static_cast<std::uint8_t>(brief | count));
  if (count < 1U << 16U) return put(head16, static_cast<std::uint16_t>(count));
  return put(static_cast<std::uint8_t>(head16 + 1), static_cast<std::uint32_t>(count));
}

void MessageBuffer::put_extension(Tag tag, const void* contents, std::size_t size) {
  std::uint8_t* at = put_extension_head(reserve(kLongestHeader + size), tag, size);
  std::memcpy(at, contents, size);
  commit(at + size);
}

std::size_t MessageBuffer::begin_extension() {
  commit(reserve(kUsualHeader) + kUsualHeader);
  return size();
}

void MessageBuffer::end_extension(Tag tag, std::size_t begun, std::size_t more) {
  const std::size_t size = this->size() - begun;
  reserve(kLongestHeader - kUsualHeader);
  std::uint8_t* contents = begin_ + begun;
  std::array<std::uint8_t, kLongestHeader> header{};
  const auto length = static_cast<std::size_t>(put_extension_head(header.data(), tag, size + more) - header.data());
  std::uint8_t* start = contents - kUsualHeader;
  if (length != kUsualHeader) std::memmove(start + length, contents, size);
  std::memcpy(start, header.data(), length);
  commit(start + length + size);
}

PyObject* MessageBuffer::finish() {
  if (bytes_ == nullptr) {
    return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(begin_), static_cast<Py_ssize_t>(size()));
  }
  if (_PyBytes_Resize(&bytes_, static_cast<Py_ssize_t>(size())) != 0) return nullptr;
  PyObject* finished = bytes_;
  bytes_ = nullptr;
  return finished;
}

void MessageBuffer::grow(std::size_t size) {
  const std::size_t used = this->size();
  if (used + size > kMaxSize) throw CodecError{Code::kResourceExhausted, "a message of more than 4 GiB"};
  const auto capacity = static_cast<std::size_t>(end_ - begin_);
  const auto wanted = static_cast<Py_ssize_t>(std::max(used + size, 2 * capacity));
  if (bytes_ == nullptr) {
    bytes_ = PyBytes_FromStringAndSize(nullptr, wanted);
    if (bytes_ != nullptr) std::memcpy(PyBytes_AS_STRING(bytes_), begin_, used);
  } else {
    _PyBytes_Resize(&bytes_, wanted);
  }
  if (bytes_ == nullptr) throw py::error_already_set();
  begin_ = reinterpret_cast<std::uint8_t*>(PyBytes_AS_STRING(bytes_));
  at_ = begin_ + used;
  end_ = begin_ + wanted;
}

}  // namespace ipcbridge::python
