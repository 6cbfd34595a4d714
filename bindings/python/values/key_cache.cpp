#include "bindings/python/values/key_cache.hpp"

#include <array>
#include <cstring>

namespace ipcbridge::python {
namespace {

constexpr std::size_t kMaxKeySize = 32;
constexpr unsigned kSlotBits = 9;

// Each slot holds the latest key that fell into it, a str of ASCII. Guarded by the GIL.
std::array<PyObject*, std::size_t{1} << kSlotBits> slots{};

template <typename Number>
std::uint64_t load(const std::uint8_t* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

// Of its size and its first and last bytes. Keys that differ only between these take each other's slot.
std::size_t slot_of(const std::uint8_t* bytes, std::size_t size) {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  if (size >= 8) {
    first = load<std::uint64_t>(bytes);
    last = load<std::uint64_t>(bytes + size - 8);
  } else if (size >= 4) {
    first = load<std::uint32_t>(bytes);
    last = load<std::uint32_t>(bytes + size - 4);
  } else if (size > 0) {
    first = bytes[0] | static_cast<std::uint64_t>(bytes[size / 2]) << 8U;
    last = bytes[size - 1];
  }
  const std::uint64_t mixed = (first * 0x9e3779b97f4a7c15U) ^ ((last + size) * 0xc2b2ae3d27d4eb4fU);
  return static_cast<std::size_t>((mixed * 0x9e3779b97f4a7c15U) >> (64U - kSlotBits));
}

bool equals(PyObject* text, const std::uint8_t* bytes, std::size_t size) {
  return static_cast<std::size_t>(PyUnicode_GET_LENGTH(text)) == size &&
         std::memcmp(reinterpret_cast<PyASCIIObject*>(text) + 1, bytes, size) == 0;
}

bool is_ascii(const std::uint8_t* bytes, std::size_t size) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  if (size >= 8) {
    std::uint64_t seen = load<std::uint64_t>(bytes + size - 8);
    for (std::size_t i = 0; i + 8 < size; i += 8) seen |= load<std::uint64_t>(bytes + i);
    return (seen & kHighBits) == 0;
  }
  std::uint8_t seen = 0;
  for (std::size_t i = 0; i < size; ++i) seen |= bytes[i];
  return seen < 0x80;
}

}  // namespace

PyObject* make_text(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2 || !is_ascii(bytes, size)) {
    return PyUnicode_DecodeUTF8(reinterpret_cast<const char*>(bytes), static_cast<Py_ssize_t>(size), nullptr);
  }
  PyObject* text = PyUnicode_New(static_cast<Py_ssize_t>(size), 0x7f);
  if (text != nullptr) std::memcpy(reinterpret_cast<PyASCIIObject*>(text) + 1, bytes, size);
  return text;
}

PyObject* make_key(const std::uint8_t* bytes, std::size_t size) {
  if (size > kMaxKeySize) return make_text(bytes, size);
  PyObject*& slot = slots[slot_of(bytes, size)];
  if (slot != nullptr && equals(slot, bytes, size)) {
    Py_INCREF(slot);
    return slot;
  }
  PyObject* text = make_text(bytes, size);
  if (text != nullptr && PyUnicode_IS_COMPACT_ASCII(text)) {
    Py_INCREF(text);
    Py_XSETREF(slot, text);
  }
  return text;
}

}  // namespace ipcbridge::python
