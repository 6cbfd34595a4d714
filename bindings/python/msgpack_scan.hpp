#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.hpp"

namespace ipcbridge::python {

// How many lists, dicts and sets may stand inside one another in one argument or result: docs/values.md, "Nesting".
inline constexpr std::size_t kMaxDepth = 128;

// How much one message may hold, whatever its bytes: docs/values.md, "Size".
inline constexpr std::size_t kMaxWeight = std::size_t{1} << 23U;

enum class Scanned : std::uint8_t {
  kRefused,   // bytes missing or left over, nested too deep, a set, dict or keywords that are not made as they must be
  kPlain,     // no extension in it
  kExtended,  // extensions in it
  kKeywords,  // arguments of which the last is the keywords
  kTooLarge,  // more than kMaxWeight, in which case the rest was not looked at
};

// Whether the bytes, which may come from anybody, are exactly one MessagePack value: its structure only. Not looked
// into are strings, what kind of keys maps have, and the extensions that hold no further values, known or not.
// Reads each byte once at most and allocates nothing.
Scanned scan_value(ConstBytes bytes);

// The same for the arguments of a call: a list of values, the keywords last if there are any.
Scanned scan_arguments(ConstBytes bytes);

}  // namespace ipcbridge::python
