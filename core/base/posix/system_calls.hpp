#pragma once

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>

#include "core/base/system.hpp"

namespace ipcbridge {

// The system calls of the same names, which report as they do, mostly through errno. Stateless, any thread. A test
// makes them fail by a class of its own.
class SystemCalls {
 public:
  SystemCalls() = default;
  virtual ~SystemCalls() = default;
  SystemCalls(const SystemCalls&) = delete;
  SystemCalls& operator=(const SystemCalls&) = delete;

  virtual int socket(int domain, int type, int protocol);
  virtual int socketpair(int domain, int type, int protocol, int* ends);
  virtual int bind(int fd, const sockaddr* address, socklen_t size);
  virtual int listen(int fd, int backlog);
  virtual int connect(int fd, const sockaddr* address, socklen_t size);
  virtual ssize_t sendmsg(int fd, const msghdr* message, int flags);
  virtual ssize_t recvmsg(int fd, msghdr* message, int flags);
  virtual void* mmap(std::size_t length, int protection, int flags, int fd);
  virtual int open(const char* path, int flags, mode_t mode);
  virtual int flock(int fd, int operation);
  virtual int getpwnam_r(const char* name, passwd* entry, char* buffer, std::size_t size, passwd** found);
  virtual int getgrnam_r(const char* name, group* entry, char* buffer, std::size_t size, group** found);
};

}  // namespace ipcbridge
