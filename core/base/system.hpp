#pragma once

#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>

#include "core/base/clock.hpp"

namespace ipcbridge {

// The one seam to the operating system: every call that can fail for want of descriptors, memory or
// permission goes through it, and so does the time, so that a test makes the one fail and the other pass (tests derive
// from System and override). The methods are the system calls of the same names and report as they do, mostly through
// errno. Stateless, any thread.
class System {
 public:
  System() = default;
  virtual ~System() = default;
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  virtual int socket(int domain, int type, int protocol);
  virtual int socketpair(int domain, int type, int protocol, int* ends);
  virtual int bind(int fd, const sockaddr* address, socklen_t size);
  virtual int listen(int fd, int backlog);
  virtual int connect(int fd, const sockaddr* address, socklen_t size);
  virtual int accept4(int fd, int flags);
  virtual ssize_t sendmsg(int fd, const msghdr* message, int flags);
  virtual ssize_t recvmsg(int fd, msghdr* message, int flags);
  virtual int memfd_create(const char* name, unsigned flags);
  virtual int fallocate(int fd, int mode, off_t offset, off_t length);
  virtual void* mmap(std::size_t length, int protection, int flags, int fd);
  virtual int epoll_create1(int flags);
  virtual int epoll_ctl(int set, int operation, int fd, epoll_event* event);
  virtual int eventfd(unsigned initial, int flags);
  virtual int timerfd_create(int clock, int flags);
  virtual int timerfd_settime(int fd, int flags, const itimerspec* time);
  virtual int open(const char* path, int flags, mode_t mode);
  virtual int flock(int fd, int operation);
  virtual int inotify_init1(int flags);
  virtual int inotify_add_watch(int fd, const char* path, std::uint32_t mask);
  virtual int getpwnam_r(const char* name, passwd* entry, char* buffer, std::size_t size, passwd** found);
  virtual int getgrnam_r(const char* name, group* entry, char* buffer, std::size_t size, group** found);

  virtual int ppoll(pollfd* descriptors, nfds_t count, const timespec* timeout);

  // The clock that deadlines are made of and looked at with.
  virtual TimePoint now();

  // As std::thread's constructor: throws std::system_error where there are no more threads.
  virtual std::thread start_thread(std::function<void()> body);

  // The machine's own, shared by everyone who injects no faults.
  static System& real();
};

}  // namespace ipcbridge
