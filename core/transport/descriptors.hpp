#pragma once

#include <cstdint>

namespace ipcbridge {

// What this process's limit of descriptors (the soft RLIMIT_NOFILE) leaves for those who connect.
struct DescriptorLimits {
  std::uint64_t limit = 0;
  // Descriptors from this number on are for the program: a new one has the lowest number that is free.
  std::uint64_t reserved_from = 0;
  std::uint64_t per_guest = 0;  // connections that one user, other than this process's own and root, may have
};

// Asked anew each time, because a program may change it. Any thread.
DescriptorLimits descriptor_limits();

}  // namespace ipcbridge
