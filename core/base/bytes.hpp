#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ipcbridge {

// The wire and the rings are little-endian and carry 64-bit indices; nothing here swaps bytes.
static_assert(std::endian::native == std::endian::little, "ipcbridge needs a little-endian machine");
static_assert(sizeof(void*) == 8, "ipcbridge needs a 64-bit machine");

using ConstBytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;
using Buffer = std::vector<std::byte>;

// Reads a T from memory of any alignment, once.
template <typename T>
T load(const std::byte* from) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
void store(std::byte* to, T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(to, &value, sizeof value);
}

template <typename T>
void append(Buffer& buffer, T value) {
  const std::size_t at = buffer.size();
  buffer.resize(at + sizeof value);
  store(buffer.data() + at, value);
}

inline void append(Buffer& buffer, ConstBytes bytes) { buffer.insert(buffer.end(), bytes.begin(), bytes.end()); }

inline ConstBytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

inline std::string_view as_text(ConstBytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A cursor over bytes that were received: every read is checked, nothing is read twice.
class ByteReader {
 public:
  explicit ByteReader(ConstBytes bytes) : rest_(bytes) {}

  template <typename T>
  bool read(T& value) {
    if (rest_.size() < sizeof value) return false;
    value = load<T>(rest_.data());
    rest_ = rest_.subspan(sizeof value);
    return true;
  }

  bool read(std::size_t size, ConstBytes& bytes) {
    if (rest_.size() < size) return false;
    bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return true;
  }

  ConstBytes rest() const { return rest_; }

 private:
  ConstBytes rest_;
};

}  // namespace ipcbridge
