#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ipcbridge {

// At most `size` bytes of the text, and no part of a character at the end. What is no UTF-8 is cut where it is.
inline std::string_view cut_utf8(std::string_view text, std::size_t size) {
  constexpr std::size_t kMaxContinuations = 3;
  if (text.size() <= size) return text;
  std::size_t end = size;
  while (end > 0 && size - end < kMaxContinuations && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  const bool is_start = (static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80U;
  return text.substr(0, is_start ? end : size);
}

// At most `size` bytes of what somebody has written, for a sentence: '?' for each byte that is no part of a visible
// character, such as one that a terminal would take for a command.
std::string printable(std::string_view text, std::size_t size);

}  // namespace ipcbridge
