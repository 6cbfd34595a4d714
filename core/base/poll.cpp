#include "core/base/poll.hpp"

#include <algorithm>
#include <ctime>

namespace ipcbridge {

bool poll_until(System& system, std::span<pollfd> descriptors, TimePoint until) {
  if (until == kNever) return system.ppoll(descriptors.data(), descriptors.size(), nullptr) > 0;
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - system.now()).count();
  const auto nanoseconds = std::max<decltype(left)>(0, left);
  const timespec timeout{static_cast<time_t>(nanoseconds / 1'000'000'000),
                         static_cast<long>(nanoseconds % 1'000'000'000)};
  return system.ppoll(descriptors.data(), descriptors.size(), &timeout) > 0;
}

}  // namespace ipcbridge
