#include "core/doctor/posix/file_size.hpp"

#include <sys/resource.h>

#include <limits>

namespace ipcbridge::doctor {

std::uint64_t file_size_limit() {
  rlimit limit{};
  const bool limited = ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return limited ? limit.rlim_cur : std::numeric_limits<std::uint64_t>::max();
}

}  // namespace ipcbridge::doctor
