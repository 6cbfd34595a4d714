#include "bindings/python/values/text.hpp"

namespace py = pybind11;

namespace ipcbridge::python {
namespace {

constexpr bool is_surrogate(Py_UCS4 character) { return character >= 0xd800 && character < 0xe000; }

template <typename Character>
bool put(MessageBuffer& out, const Character* text, std::size_t length) {
  std::size_t size = length;
  bool surrogates = false;
  for (std::size_t i = 0; i < length; ++i) {
    const Py_UCS4 character = text[i];
    size += static_cast<std::size_t>(character >= 0x80) + static_cast<std::size_t>(character >= 0x800) +
            static_cast<std::size_t>(character >= 0x10000);
    surrogates |= is_surrogate(character);
  }
  if (surrogates) return false;
  out.put_text_head(size);
  std::uint8_t* at = out.reserve(size);
  const auto continuation = [](Py_UCS4 bits) { return static_cast<std::uint8_t>(0x80U | (bits & 0x3fU)); };
  for (std::size_t i = 0; i < length; ++i) {
    const Py_UCS4 character = text[i];
    if (character < 0x80) {
      *at++ = static_cast<std::uint8_t>(character);
      continue;
    }
    if (character < 0x800) {
      *at++ = static_cast<std::uint8_t>(0xc0U | character >> 6U);
    } else {
      if (character < 0x10000) {
        *at++ = static_cast<std::uint8_t>(0xe0U | character >> 12U);
      } else {
        *at++ = static_cast<std::uint8_t>(0xf0U | character >> 18U);
        *at++ = continuation(character >> 12U);
      }
      *at++ = continuation(character >> 6U);
    }
    *at++ = continuation(character);
  }
  out.commit(at);
  return true;
}

}  // namespace

bool put_text_slowly(MessageBuffer& out, PyObject* text) {
#if PY_VERSION_HEX < 0x030C0000
  if (PyUnicode_READY(text) != 0) throw py::error_already_set();  // a string of an API older than compact strings
#endif
  const auto length = static_cast<std::size_t>(PyUnicode_GET_LENGTH(text));
  switch (PyUnicode_KIND(text)) {
    case PyUnicode_1BYTE_KIND:
      return put(out, PyUnicode_1BYTE_DATA(text), length);
    case PyUnicode_2BYTE_KIND:
      return put(out, PyUnicode_2BYTE_DATA(text), length);
    default:
      return put(out, PyUnicode_4BYTE_DATA(text), length);
  }
}

}  // namespace ipcbridge::python
