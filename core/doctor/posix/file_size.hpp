#pragma once

#include <cstdint>

namespace ipcbridge::doctor {

// How large a file may become, in bytes. The kernel ends a process that writes beyond it (SIGXFSZ).
std::uint64_t file_size_limit();

}  // namespace ipcbridge::doctor
