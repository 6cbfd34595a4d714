#include "core/base/system.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

#include <utility>

namespace ipcbridge {

int System::socket(int domain, int type, int protocol) { return ::socket(domain, type, protocol); }
int System::socketpair(int domain, int type, int protocol, int* ends) {
  return ::socketpair(domain, type, protocol, ends);
}
int System::bind(int fd, const sockaddr* address, socklen_t size) { return ::bind(fd, address, size); }
int System::listen(int fd, int backlog) { return ::listen(fd, backlog); }
int System::connect(int fd, const sockaddr* address, socklen_t size) { return ::connect(fd, address, size); }
int System::accept4(int fd, int flags) { return ::accept4(fd, nullptr, nullptr, flags); }
ssize_t System::sendmsg(int fd, const msghdr* message, int flags) { return ::sendmsg(fd, message, flags); }
ssize_t System::recvmsg(int fd, msghdr* message, int flags) { return ::recvmsg(fd, message, flags); }
int System::memfd_create(const char* name, unsigned flags) { return ::memfd_create(name, flags); }
int System::fallocate(int fd, int mode, off_t offset, off_t length) { return ::fallocate(fd, mode, offset, length); }
void* System::mmap(std::size_t length, int protection, int flags, int fd) {
  return ::mmap(nullptr, length, protection, flags, fd, 0);
}
int System::epoll_create1(int flags) { return ::epoll_create1(flags); }
int System::epoll_ctl(int set, int operation, int fd, epoll_event* event) {
  return ::epoll_ctl(set, operation, fd, event);
}
int System::eventfd(unsigned initial, int flags) { return ::eventfd(initial, flags); }
int System::timerfd_create(int clock, int flags) { return ::timerfd_create(clock, flags); }
int System::timerfd_settime(int fd, int flags, const itimerspec* time) {
  return ::timerfd_settime(fd, flags, time, nullptr);
}
int System::open(const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); }
int System::flock(int fd, int operation) { return ::flock(fd, operation); }
int System::inotify_init1(int flags) { return ::inotify_init1(flags); }
int System::inotify_add_watch(int fd, const char* path, std::uint32_t mask) {
  return ::inotify_add_watch(fd, path, mask);
}
int System::getpwnam_r(const char* name, passwd* entry, char* buffer, std::size_t size, passwd** found) {
  return ::getpwnam_r(name, entry, buffer, size, found);
}
int System::getgrnam_r(const char* name, group* entry, char* buffer, std::size_t size, group** found) {
  return ::getgrnam_r(name, entry, buffer, size, found);
}

int System::ppoll(pollfd* descriptors, nfds_t count, const timespec* timeout) {
  return ::ppoll(descriptors, count, timeout, nullptr);
}

TimePoint System::now() { return Clock::now(); }
std::thread System::start_thread(std::function<void()> body) { return std::thread(std::move(body)); }

System& System::real() {
  static System system;
  return system;
}

}  // namespace ipcbridge
