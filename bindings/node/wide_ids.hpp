#pragma once

#include <cstdint>

namespace ipcbridge::node {

// How an id of 64 bits crosses as a number: its lower 63 bits are the number's magnitude, the highest is its sign. Ids
// are counted from 1, so that they are exact for longer than a connection lives; a peer that chooses others for its own
// is not understood, and hurts itself alone.

inline constexpr std::uint64_t kHighestBit = 1ULL << 63U;

inline std::uint64_t wide_id(double number) {
  const auto magnitude = static_cast<std::uint64_t>(number < 0 ? -number : number);
  return number < 0 ? magnitude | kHighestBit : magnitude;
}

inline double wide_number(std::uint64_t id) {
  const auto magnitude = static_cast<double>(id & ~kHighestBit);
  return (id & kHighestBit) != 0 ? -magnitude : magnitude;
}

}  // namespace ipcbridge::node
