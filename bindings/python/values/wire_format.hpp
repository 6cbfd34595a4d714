#pragma once

#include <cstddef>
#include <cstdint>

namespace ipcbridge::python {

// The extension types of docs/values.md, "The bytes".
enum class Tag : std::int8_t {
  kTimestamp = -1,
  kMap = 1,
  kSet = 2,
  kBigInt = 3,
  kLocalDatetime = 4,
  kKwargs = 5,
  kStream = 6,
  kFunction = 7,
  kObject = 8,
  kAttached = 9,
  kArray = 10,
  kTable = 11,
};

// How many lists, dicts and sets may stand inside one another in one argument or result.
inline constexpr unsigned kMaxDepth = 128;

// How much one message may hold, whatever its bytes: lists, dicts, extensions and bytes weigh kHeavy, other values 1.
inline constexpr std::size_t kMaxWeight = std::size_t{1} << 23U;
inline constexpr std::size_t kHeavy = 4;

// How many keys of a dict, or elements of a set, may have the same hash.
inline constexpr std::size_t kMaxCollisions = 64;

// The first bytes of MessagePack's families.
inline bool is_list(std::uint8_t head) { return (head >= 0x90 && head <= 0x9f) || head == 0xdc || head == 0xdd; }
inline bool is_map(std::uint8_t head) { return (head >= 0x80 && head <= 0x8f) || head == 0xde || head == 0xdf; }
inline bool is_extension(std::uint8_t head) { return (head >= 0xc7 && head <= 0xc9) || (head >= 0xd4 && head <= 0xd8); }

}  // namespace ipcbridge::python
