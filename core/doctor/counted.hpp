#pragma once

#include <cstdint>
#include <string>

namespace ipcbridge::doctor {

// "1 thread", "3 threads".
inline std::string counted(std::uint64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace ipcbridge::doctor
