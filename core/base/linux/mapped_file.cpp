#include "core/base/posix/mapped_file.hpp"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ios>
#include <sstream>

namespace ipcbridge {

// Lines of /proc/self/maps are "begin-end rwxp offset device inode   /path"; what has no file has no slash.
std::string mapped_file(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    if (!(fields >> std::hex >> begin >> dash >> end) || wanted < begin || wanted >= end) continue;
    const std::size_t path = line.find('/');
    return path == std::string::npos ? std::string() : line.substr(path);
  }
  return {};
}

}  // namespace ipcbridge
