#include "core/base/linux/linux_calls.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>

namespace ipcbridge {
namespace {

// Never destroyed: threads make calls while the process exits.
LinuxCalls& real_calls() {
  static auto* const kCalls = new LinuxCalls;
  return *kCalls;
}

}  // namespace

System::System() : System(real_calls()) {}

int LinuxCalls::accept4(int fd, int flags) { return ::accept4(fd, nullptr, nullptr, flags); }
int LinuxCalls::memfd_create(const char* name, unsigned flags) { return ::memfd_create(name, flags); }
int LinuxCalls::fallocate(int fd, int mode, off_t offset, off_t length) {
  return ::fallocate(fd, mode, offset, length);
}
int LinuxCalls::epoll_create1(int flags) { return ::epoll_create1(flags); }
int LinuxCalls::epoll_ctl(int set, int operation, int fd, epoll_event* event) {
  return ::epoll_ctl(set, operation, fd, event);
}
int LinuxCalls::eventfd(unsigned initial, int flags) { return ::eventfd(initial, flags); }
int LinuxCalls::timerfd_create(int clock, int flags) { return ::timerfd_create(clock, flags); }
int LinuxCalls::timerfd_settime(int fd, int flags, const itimerspec* time) {
  return ::timerfd_settime(fd, flags, time, nullptr);
}
int LinuxCalls::inotify_init1(int flags) { return ::inotify_init1(flags); }
int LinuxCalls::inotify_add_watch(int fd, const char* path, std::uint32_t mask) {
  return ::inotify_add_watch(fd, path, mask);
}
int LinuxCalls::ppoll(pollfd* descriptors, nfds_t count, const timespec* timeout) {
  return ::ppoll(descriptors, count, timeout, nullptr);
}

}  // namespace ipcbridge
