#include "core/base/utf8.hpp"

#include <cstdint>

namespace ipcbridge {
namespace {

// What shows nothing, or turns the direction of what follows.
bool is_hidden(std::uint32_t character) {
  return character < 0x20 || (character >= 0x7F && character < 0xA0) || character == 0xAD || character == 0x61C ||
         character == 0x180E || (character >= 0x200B && character <= 0x200F) ||
         (character >= 0x2028 && character <= 0x202E) || (character >= 0x2060 && character <= 0x2069) ||
         character == 0xFEFF;
}

// How many bytes its first byte says that a character has; 0 where that begins none.
std::size_t length_by(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

// How many bytes the visible character takes with which the text begins; 0 when there is none.
std::size_t visible_at_start(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = length_by(first);
  if (length == 0 || length > text.size()) return 0;
  std::uint32_t character = length == 1 ? first : first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80U) return 0;
    character = (character << 6U) | (next & 0x3FU);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_character =
      character >= kLeast[length] && character <= 0x10FFFF && (character < 0xD800 || character > 0xDFFF);
  return is_character && !is_hidden(character) ? length : 0;
}

}  // namespace

std::string printable(std::string_view text, std::size_t size) {
  std::string shown;
  for (std::string_view rest = cut_utf8(text, size); !rest.empty();) {
    const std::size_t length = visible_at_start(rest);
    if (length == 0) {
      shown += '?';
      rest.remove_prefix(1);
    } else {
      shown += rest.substr(0, length);
      rest.remove_prefix(length);
    }
  }
  return shown;
}

}  // namespace ipcbridge
