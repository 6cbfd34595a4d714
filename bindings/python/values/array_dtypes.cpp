#include "bindings/python/values/array_dtypes.hpp"

#include <algorithm>
#include <charconv>

namespace ipcbridge::python {
namespace {

// A number without a sign and leading zeros; 0 when the text is none.
std::size_t positive(std::string_view digits) {
  std::size_t number = 0;
  if (digits.empty() || digits.front() < '1' || digits.front() > '9') return 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() ? number : 0;
}

// [us], [25s], or nothing, where it is not known what is counted.
bool is_unit(std::string_view text) {
  if (text.empty()) return true;
  if (text.size() < 3 || text.front() != '[' || text.back() != ']') return false;
  text = text.substr(1, text.size() - 2);
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::size_t count = positive(text.substr(0, digits));
  if (digits != 0 && (count < 2 || count > kMaxElementSize)) return false;
  constexpr std::array<std::string_view, 13> kUnits{"Y",  "M",  "W",  "D",  "h",  "m", "s",
                                                    "ms", "us", "ns", "ps", "fs", "as"};
  return std::find(kUnits.begin(), kUnits.end(), text.substr(digits)) != kUnits.end();
}

// '\0' when there is no such kind.
char kind_of_format(std::string_view format) {
  if (format == "Zf" || format == "Zd") return 'c';
  if (format.size() != 1) return '\0';
  switch (format.front()) {
    case '?':
      return 'b';
    case 'b':
    case 'h':
    case 'i':
    case 'l':
    case 'q':
    case 'n':
      return 'i';
    case 'B':
    case 'H':
    case 'I':
    case 'L':
    case 'Q':
    case 'N':
      return 'u';
    case 'e':
    case 'f':
    case 'd':
      return 'f';
    default:
      return '\0';
  }
}

}  // namespace

const FixedDtype* fixed_dtype(std::string_view name) {
  const auto* found = std::find_if(kFixedDtypes.begin(), kFixedDtypes.end(),
                                   [name](const FixedDtype& dtype) { return dtype.name == name; });
  return found == kFixedDtypes.end() ? nullptr : found;
}

const FixedDtype* fixed_dtype_of_buffer(const char* format, std::size_t item_size) {
  const char kind = kind_of_format(format == nullptr ? "B" : format);
  const auto* found = std::find_if(kFixedDtypes.begin(), kFixedDtypes.end(), [&](const FixedDtype& dtype) {
    return dtype.name[1] == kind && dtype.size == item_size;
  });
  return found == kFixedDtypes.end() ? nullptr : found;
}

std::size_t element_size(std::string_view name) {
  if (const FixedDtype* fixed = fixed_dtype(name)) return fixed->size;
  if (name.starts_with("<M8") || name.starts_with("<m8")) return is_unit(name.substr(3)) ? 8 : 0;
  const std::size_t count = name.size() < 3 ? 0 : positive(name.substr(2));
  if (count > kMaxElementSize) return 0;
  if (name.starts_with("|S") || name.starts_with("|V")) return count;
  if (name.starts_with("<U") && count <= kMaxElementSize / 4) return 4 * count;
  return 0;
}

}  // namespace ipcbridge::python
