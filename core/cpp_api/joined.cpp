#include "core/cpp_api/joined.hpp"

#include <cstdint>

#include "core/cpp_api/extension_types.hpp"
#include "core/cpp_api/msgpack.hpp"

namespace ipcbridge {
namespace {

bool contains_a_value(std::uint8_t type) {
  return type == extension_type::kMap || type == extension_type::kSet || type == extension_type::kKwargs ||
         type == extension_type::kArray || type == extension_type::kTable;
}

// More than the levels that a value may have, with an extension for each.
constexpr int kMaxDepth = 300;

// Copies a value from one place to the other. MessagePack's specification, "Formats", has the first bytes.
class Joiner {
 public:
  Joiner(ConstBytes value, std::span<const Attachment> attachments) : rest_(value), attachments_(attachments) {}

  bool join() { return copy_value(0) && rest_.empty() && next_ == attachments_.size(); }
  Buffer take() { return std::move(out_); }

 private:
  bool copy_value(int depth) {
    if (rest_.empty() || depth > kMaxDepth) return false;
    const auto head = std::to_integer<std::uint8_t>(rest_.front());
    if (head >= 0x80 && head <= 0x8f) return copy(1) && copy_values(2 * (head & 0xfU), depth);
    if (head >= 0x90 && head <= 0x9f) return copy(1) && copy_values(head & 0xfU, depth);
    if (head >= 0xa0 && head <= 0xbf) return copy(1 + (head & 0x1fU));
    if (head <= 0x7f || head >= 0xe0) return copy(1);
    if (head >= 0xc4 && head <= 0xc6) return copy_sized(1U << (head - 0xc4U));                   // bin
    if (head >= 0xc7 && head <= 0xc9) return copy_extension(1 + (1U << (head - 0xc7U)), depth);  // ext
    if (head == 0xca || head == 0xcb) return copy(head == 0xca ? 5 : 9);                         // float
    if (head >= 0xcc && head <= 0xd3) return copy(1 + (1U << (head & 3U)));                      // uint, int
    if (head >= 0xd4 && head <= 0xd8) return copy_extension(1, depth);                           // fixext
    if (head >= 0xd9 && head <= 0xdb) return copy_sized(1U << (head - 0xd9U));                   // str
    if (head >= 0xdc) return copy_long_container(head, depth);
    return head != 0xc1 && copy(1);  // nil, booleans
  }

  bool copy_values(std::uint64_t count, int depth) {
    for (; count > 0; --count) {
      if (!copy_value(depth + 1)) return false;
    }
    return true;
  }

  bool copy_long_container(std::uint8_t head, int depth) {
    const std::size_t size_bytes = head % 2 == 0 ? 2 : 4;
    std::uint64_t count = 0;
    if (!number_at(1, size_bytes, count) || !copy(1 + size_bytes)) return false;
    return copy_values(head >= 0xde ? 2 * count : count, depth);
  }

  // A first byte, a size of so many bytes, and what that says.
  bool copy_sized(std::size_t size_bytes) {
    std::uint64_t size = 0;
    return number_at(1, size_bytes, size) && copy(1 + size_bytes + size);
  }

  // What stands before its type is so many bytes.
  bool copy_extension(std::size_t before, int depth) {
    std::uint64_t size = 0;
    if (before > 1) {
      if (!number_at(1, before - 1, size)) return false;
    } else {
      size = 1U << (std::to_integer<std::uint8_t>(rest_.front()) - 0xd4U);
    }
    if (rest_.size() < before + 1 || size > rest_.size() - before - 1) return false;
    const auto type = std::to_integer<std::uint8_t>(rest_[before]);
    if (type == extension_type::kAttached) return copy_attachment(before + 1, size);
    if (!contains_a_value(type)) return copy(before + 1 + size);
    // Its size may change, so it has a header that takes any.
    const std::size_t begun = out_.size();
    append(out_, std::byte{0xc9});
    append(out_, std::uint32_t{0});
    append(out_, static_cast<std::byte>(type));
    rest_ = rest_.subspan(before + 1);
    const std::size_t behind = rest_.size() - size;
    if (!copy_value(depth + 1) || rest_.size() != behind) return false;
    store_big_endian(begun + 1, out_.size() - begun - 6);
    return true;
  }

  bool copy_attachment(std::size_t before, std::uint64_t size) {
    std::uint64_t place = 0;
    if (size != 4 || !number_at(before, 4, place) || place != next_ || next_ == attachments_.size()) return false;
    const ConstBytes bytes = attachments_[next_++].bytes;
    append(out_, std::byte{0xc6});
    append(out_, std::uint32_t{0});
    store_big_endian(out_.size() - 4, bytes.size());
    append(out_, bytes);
    rest_ = rest_.subspan(before + 4);
    return true;
  }

  void store_big_endian(std::size_t at, std::size_t size) {
    for (std::size_t i = 0; i < 4; ++i) out_[at + i] = static_cast<std::byte>(size >> (8 * (3 - i)));
  }

  bool number_at(std::size_t at, std::size_t bytes, std::uint64_t& value) const {
    if (rest_.size() < at + bytes) return false;
    return msgpack::Reader(rest_.subspan(at)).number(static_cast<int>(bytes), value);
  }

  bool copy(std::uint64_t bytes) {
    if (bytes > rest_.size()) return false;
    append(out_, rest_.first(bytes));
    rest_ = rest_.subspan(bytes);
    return true;
  }

  ConstBytes rest_;
  std::span<const Attachment> attachments_;
  std::size_t next_ = 0;
  Buffer out_;
};

}  // namespace

Buffer joined(ConstBytes value, std::span<const Attachment> attachments) {
  Joiner joiner(value, attachments);
  return joiner.join() ? joiner.take() : Buffer();
}

}  // namespace ipcbridge
