#include "core/cpp_api/msgpack.hpp"

#include <limits>

namespace ipcbridge::msgpack {

void Writer::big_endian(std::uint32_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) put((value >> static_cast<unsigned>(shift)) & 0xffU);
}

void Writer::header(std::uint32_t size, unsigned fixed, std::uint32_t fixed_sizes, unsigned wide) {
  if (size < fixed_sizes) {
    put(fixed | size);
  } else if (size <= std::numeric_limits<std::uint16_t>::max()) {
    put(wide);
    big_endian(size, 2);
  } else {
    put(wide + 1);
    big_endian(size, 4);
  }
}

void Writer::text(std::string_view value) {
  const auto size = static_cast<std::uint32_t>(value.size());
  if (size >= 32 && size < 256) {
    put(0xd9);
    put(size);
  } else {
    header(size, 0xa0, 32, 0xda);
  }
  append(out_, as_bytes(value));
}

void Writer::binary(ConstBytes value) {
  const auto size = static_cast<std::uint32_t>(value.size());
  if (size < 256) {
    put(0xc4);
    put(size);
  } else {
    header(size, 0, 0, 0xc5);
  }
  append(out_, value);
}

bool Reader::take(std::uint64_t size, ConstBytes& bytes) {
  if (size > rest_.size()) return false;
  bytes = rest_.first(size);
  rest_ = rest_.subspan(size);
  return true;
}

bool Reader::number(int bytes, std::uint64_t& value) {
  ConstBytes raw;
  if (!take(static_cast<std::uint64_t>(bytes), raw)) return false;
  value = 0;
  for (const std::byte byte : raw) value = value << 8U | static_cast<std::uint64_t>(byte);
  return true;
}

bool Reader::sized(int size_bytes, ConstBytes& bytes) {
  std::uint64_t size = 0;
  return number(size_bytes, size) && take(size, bytes);
}

bool Reader::map(std::uint32_t& size) {
  std::uint64_t code = 0;
  std::uint64_t count = 0;
  if (!number(1, code)) return false;
  if (code >> 4U == 0x8) {
    count = code & 0xfU;
  } else if ((code != 0xde && code != 0xdf) || !number(code == 0xde ? 2 : 4, count)) {
    return false;
  }
  size = static_cast<std::uint32_t>(count);
  return true;
}

bool Reader::text(std::string_view& value) {
  std::uint64_t code = 0;
  ConstBytes bytes;
  if (!number(1, code)) return false;
  if (code >> 5U == 0x5) {
    if (!take(code & 0x1fU, bytes)) return false;
  } else if (code < 0xd9 || code > 0xdb || !sized(1 << (code - 0xd9), bytes)) {
    return false;
  }
  value = as_text(bytes);
  return true;
}

bool Reader::binary(ConstBytes& value) {
  std::uint64_t code = 0;
  return number(1, code) && code >= 0xc4 && code <= 0xc6 && sized(1 << (code - 0xc4), value);
}

bool Reader::skip() {
  return walk([](std::int8_t, ConstBytes) { return false; });
}

// Of one that contains a value nothing is taken: that is read next.
bool Reader::extension(std::uint64_t size, const Visit& visit, std::uint64_t& left) {
  std::uint64_t type = 0;
  if (!number(1, type) || size > rest_.size()) return false;
  ConstBytes contents = rest_.first(size);
  if (!visit(static_cast<std::int8_t>(type), contents)) return take(size, contents);
  ++left;
  return true;
}

// Counts what is still to come instead of calling itself: a peer's nesting must not fill this stack.
bool Reader::walk(const Visit& visit) {
  ConstBytes ignored;
  for (std::uint64_t left = 1; left > 0; --left) {
    std::uint64_t code = 0;
    std::uint64_t count = 0;
    if (!number(1, code)) return false;
    bool ok = true;
    if (code <= 0x7f || code >= 0xe0 || code == 0xc0 || code == 0xc2 || code == 0xc3) {
      continue;
    }
    if (code <= 0x8f) {
      left += 2 * (code & 0xfU);
    } else if (code <= 0x9f) {
      left += code & 0xfU;
    } else if (code <= 0xbf) {
      ok = take(code & 0x1fU, ignored);
    } else if (code >= 0xc4 && code <= 0xc6) {  // bin
      ok = sized(1 << (code - 0xc4), ignored);
    } else if (code >= 0xc7 && code <= 0xc9) {  // ext
      ok = number(1 << (code - 0xc7), count) && extension(count, visit, left);
    } else if (code >= 0xca && code <= 0xcb) {  // float
      ok = take(4U << (code - 0xca), ignored);
    } else if (code >= 0xcc && code <= 0xcf) {  // uint
      ok = take(1U << (code - 0xcc), ignored);
    } else if (code >= 0xd0 && code <= 0xd3) {  // int
      ok = take(1U << (code - 0xd0), ignored);
    } else if (code >= 0xd4 && code <= 0xd8) {  // fixext
      ok = extension(1U << (code - 0xd4), visit, left);
    } else if (code >= 0xd9 && code <= 0xdb) {  // str
      ok = sized(1 << (code - 0xd9), ignored);
    } else if (code >= 0xdc) {  // array, map
      ok = number(code % 2 == 0 ? 2 : 4, count);
      left += code >= 0xde ? 2 * count : count;
    } else {
      return false;
    }
    if (!ok) return false;
  }
  return true;
}

}  // namespace ipcbridge::msgpack
