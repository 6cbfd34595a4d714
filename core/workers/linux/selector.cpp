#include "core/workers/selector.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace ipcbridge {

bool set_watched(int selector, int fd, bool on) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return ::epoll_ctl(selector, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event) == 0;
}

std::span<const int> ready_in(int selector, std::span<int> fds) {
  std::array<epoll_event, 8> events{};
  const std::size_t most = std::min(events.size(), fds.size());
  const int count = ::epoll_wait(selector, events.data(), static_cast<int>(most), 0);
  const auto ready = static_cast<std::size_t>(std::max(0, count));
  for (std::size_t i = 0; i < ready; ++i) fds[i] = events.at(i).data.fd;
  return fds.first(ready);
}

}  // namespace ipcbridge
