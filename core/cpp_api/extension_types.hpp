#pragma once

#include <cstdint>

// The extension types of docs/values.md that C++ has to know, by which MessagePack names them.
namespace ipcbridge::extension_type {

inline constexpr std::uint8_t kMap = 1;
inline constexpr std::uint8_t kSet = 2;
inline constexpr std::uint8_t kKwargs = 5;
inline constexpr std::uint8_t kFunction = 7;
inline constexpr std::uint8_t kObject = 8;
inline constexpr std::uint8_t kAttached = 9;
inline constexpr std::uint8_t kArray = 10;
inline constexpr std::uint8_t kTable = 11;

}  // namespace ipcbridge::extension_type
