#include "core/base/posix/system_calls.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>

namespace ipcbridge {

int SystemCalls::socket(int domain, int type, int protocol) { return ::socket(domain, type, protocol); }
int SystemCalls::socketpair(int domain, int type, int protocol, int* ends) {
  return ::socketpair(domain, type, protocol, ends);
}
int SystemCalls::bind(int fd, const sockaddr* address, socklen_t size) { return ::bind(fd, address, size); }
int SystemCalls::listen(int fd, int backlog) { return ::listen(fd, backlog); }
int SystemCalls::connect(int fd, const sockaddr* address, socklen_t size) { return ::connect(fd, address, size); }
ssize_t SystemCalls::sendmsg(int fd, const msghdr* message, int flags) { return ::sendmsg(fd, message, flags); }
ssize_t SystemCalls::recvmsg(int fd, msghdr* message, int flags) { return ::recvmsg(fd, message, flags); }
void* SystemCalls::mmap(std::size_t length, int protection, int flags, int fd) {
  return ::mmap(nullptr, length, protection, flags, fd, 0);
}
int SystemCalls::open(const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); }
int SystemCalls::flock(int fd, int operation) { return ::flock(fd, operation); }
int SystemCalls::getpwnam_r(const char* name, passwd* entry, char* buffer, std::size_t size, passwd** found) {
  return ::getpwnam_r(name, entry, buffer, size, found);
}
int SystemCalls::getgrnam_r(const char* name, group* entry, char* buffer, std::size_t size, group** found) {
  return ::getgrnam_r(name, entry, buffer, size, found);
}

}  // namespace ipcbridge
