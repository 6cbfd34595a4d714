#include "core/transport/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace ipcbridge {

DescriptorLimits descriptor_limits() {
  constexpr std::uint64_t kMostReserved = 64;
  rlimit set{};
  const bool limited = ::getrlimit(RLIMIT_NOFILE, &set) == 0 && set.rlim_cur != RLIM_INFINITY;
  const std::uint64_t limit = limited ? set.rlim_cur : std::numeric_limits<std::uint64_t>::max();
  return {limit, limit - std::min(limit / 8, kMostReserved), limit / 2};
}

}  // namespace ipcbridge
