#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/base/bytes.hpp"

namespace ipcbridge::msgpack {

// The few parts of MessagePack that errors and descriptions are made of. Users bring a whole codec.
// https://github.com/msgpack/msgpack/blob/master/spec.md

class Writer {
 public:
  void nil() { put(0xc0); }
  void boolean(bool value) { put(value ? 0xc3 : 0xc2); }
  void text(std::string_view value);
  void binary(ConstBytes value);
  void array(std::uint32_t size) { header(size, 0x90, 16, 0xdc); }
  void map(std::uint32_t size) { header(size, 0x80, 16, 0xde); }

  Buffer take() { return std::move(out_); }

 private:
  void put(unsigned byte) { out_.push_back(static_cast<std::byte>(byte)); }
  void big_endian(std::uint32_t value, int bytes);
  // `wide` is the code of the header with a 16-bit size; the one with 32 bits follows it.
  void header(std::uint32_t size, unsigned fixed, std::uint32_t fixed_sizes, unsigned wide);

  Buffer out_;
};

// Reads what came from a peer: every method returns false when the bytes are something else.
class Reader {
 public:
  explicit Reader(ConstBytes bytes) : rest_(bytes) {}

  bool map(std::uint32_t& size);
  bool text(std::string_view& value);
  bool binary(ConstBytes& value);
  // So many bytes, at most 8, the most significant first.
  bool number(int bytes, std::uint64_t& value);
  // Any value, with all that it contains.
  bool skip();
  // The same, telling of each extension. What `visit` returns true for contains one value, of which it tells as well.
  using Visit = std::function<bool(std::int8_t type, ConstBytes contents)>;
  bool walk(const Visit& visit);
  bool at_end() const { return rest_.empty(); }

 private:
  bool take(std::uint64_t size, ConstBytes& bytes);
  bool sized(int size_bytes, ConstBytes& bytes);
  bool extension(std::uint64_t size, const Visit& visit, std::uint64_t& left);

  ConstBytes rest_;
};

}  // namespace ipcbridge::msgpack
