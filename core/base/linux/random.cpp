#include "core/base/random.hpp"

#include <sys/random.h>

namespace ipcbridge {

bool fill_random(std::span<std::byte> bytes) {
  return ::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
}

}  // namespace ipcbridge
