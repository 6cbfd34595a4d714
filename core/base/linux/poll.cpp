#include "core/base/poll.hpp"

#include <algorithm>
#include <ctime>

#include "core/base/linux/linux_calls.hpp"
#include "core/base/linux/poll_until.hpp"

namespace ipcbridge {

bool poll_until(System& system, std::span<pollfd> descriptors, TimePoint until) {
  LinuxCalls& calls = linux_calls(system);
  if (until == kNever) return calls.ppoll(descriptors.data(), descriptors.size(), nullptr) > 0;
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - system.now()).count();
  const auto nanoseconds = std::max<decltype(left)>(0, left);
  const timespec timeout{static_cast<time_t>(nanoseconds / 1'000'000'000),
                         static_cast<long>(nanoseconds % 1'000'000'000)};
  return calls.ppoll(descriptors.data(), descriptors.size(), &timeout) > 0;
}

bool wait_readable(System& system, int fd, TimePoint until) {
  pollfd descriptor{fd, POLLIN, 0};
  return poll_until(system, {&descriptor, 1}, until);
}

bool is_readable_now(int fd) {
  pollfd descriptor{fd, POLLIN, 0};
  return ::poll(&descriptor, 1, 0) > 0;
}

}  // namespace ipcbridge
