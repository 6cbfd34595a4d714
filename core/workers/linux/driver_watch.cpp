#include "core/workers/driver_watch.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/linux/linux_calls.hpp"
#include "core/base/linux/poll_until.hpp"

namespace ipcbridge {
namespace {

epoll_event interest_in(int fd, bool on) {
  epoll_event event{};
  event.events = on ? EPOLLIN : 0U;
  event.data.fd = fd;
  return event;
}

}  // namespace

Result<DriverWatch> DriverWatch::create(System& system, int driver_fd) {
  Fd epoll(linux_calls(system).epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) {
    return Error{Code::kResourceExhausted, std::string("cannot create the event descriptors: ") + std::strerror(errno)};
  }
  epoll_event event = interest_in(driver_fd, true);
  if (linux_calls(system).epoll_ctl(epoll.get(), EPOLL_CTL_ADD, driver_fd, &event) != 0) {
    return Error{Code::kResourceExhausted, std::string("cannot watch the event descriptors: ") + std::strerror(errno)};
  }
  return DriverWatch(system, std::move(epoll), driver_fd);
}

void DriverWatch::set_interest(bool on) {
  if (interest_ == on) return;
  interest_ = on;
  epoll_event event = interest_in(driver_fd_, on);
  ::epoll_ctl(set_.get(), EPOLL_CTL_MOD, driver_fd_, &event);
}

DriverWatch::Wake DriverWatch::wait(const Bell& bell, TimePoint until) const {
  std::array<pollfd, 2> descriptors{{{bell.fd(), POLLIN, 0}, {set_.get(), POLLIN, 0}}};
  if (!poll_until(*system_, descriptors, until)) return Wake::kNobody;
  if (descriptors[0].revents != 0) bell.silence();
  return descriptors[1].revents != 0 ? Wake::kMessage : Wake::kBell;
}

}  // namespace ipcbridge
