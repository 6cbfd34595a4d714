#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <cstdint>

#include "core/base/posix/system_calls.hpp"

namespace ipcbridge {

// Those that Linux has besides.
class LinuxCalls : public SystemCalls {
 public:
  virtual int accept4(int fd, int flags);
  virtual int memfd_create(const char* name, unsigned flags);
  virtual int fallocate(int fd, int mode, off_t offset, off_t length);
  virtual int epoll_create1(int flags);
  virtual int epoll_ctl(int set, int operation, int fd, epoll_event* event);
  virtual int eventfd(unsigned initial, int flags);
  virtual int timerfd_create(int clock, int flags);
  virtual int timerfd_settime(int fd, int flags, const itimerspec* time);
  virtual int inotify_init1(int flags);
  virtual int inotify_add_watch(int fd, const char* path, std::uint32_t mask);
  virtual int ppoll(pollfd* descriptors, nfds_t count, const timespec* timeout);
};

// On Linux all SystemCalls are LinuxCalls.
inline LinuxCalls& linux_calls(const System& system) { return static_cast<LinuxCalls&>(system.calls()); }

}  // namespace ipcbridge
