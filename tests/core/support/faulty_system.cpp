#include "tests/core/support/faulty_system.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

namespace ipcbridge::testing_support {
namespace {

bool fails(const FaultySystem::Hook& hook) { return hook && hook(); }

}  // namespace

int FaultySystem::socket(int domain, int type, int protocol) {
  return fails(on_socket) ? -1 : TestSystem::socket(domain, type, protocol);
}
int FaultySystem::socketpair(int domain, int type, int protocol, int* ends) {
  return fails(on_socketpair) ? -1 : TestSystem::socketpair(domain, type, protocol, ends);
}
int FaultySystem::accept4(int fd, int flags) { return fails(on_accept) ? -1 : TestSystem::accept4(fd, flags); }
ssize_t FaultySystem::sendmsg(int fd, const msghdr* message, int flags) {
  return fails(on_sendmsg) ? -1 : TestSystem::sendmsg(fd, message, flags);
}
ssize_t FaultySystem::recvmsg(int fd, msghdr* message, int flags) {
  return fails(on_recvmsg) ? -1 : TestSystem::recvmsg(fd, message, flags);
}
int FaultySystem::memfd_create(const char* name, unsigned flags) {
  return fails(on_memfd) ? -1 : TestSystem::memfd_create(name, flags);
}
int FaultySystem::fallocate(int fd, int mode, off_t offset, off_t length) {
  return fails(on_fallocate) ? -1 : TestSystem::fallocate(fd, mode, offset, length);
}
void* FaultySystem::mmap(std::size_t length, int protection, int flags, int fd) {
  return fails(on_mmap) ? MAP_FAILED : TestSystem::mmap(length, protection, flags, fd);
}
int FaultySystem::epoll_create1(int flags) { return fails(on_epoll_create) ? -1 : TestSystem::epoll_create1(flags); }
int FaultySystem::epoll_ctl(int set, int operation, int fd, epoll_event* event) {
  return fails(on_epoll_ctl) ? -1 : TestSystem::epoll_ctl(set, operation, fd, event);
}
int FaultySystem::eventfd(unsigned initial, int flags) {
  return fails(on_eventfd) ? -1 : TestSystem::eventfd(initial, flags);
}
int FaultySystem::open(const char* path, int flags, mode_t mode) {
  return fails(on_open) ? -1 : TestSystem::open(path, flags, mode);
}
int FaultySystem::flock(int fd, int operation) { return fails(on_flock) ? -1 : TestSystem::flock(fd, operation); }
int FaultySystem::inotify_init1(int flags) { return fails(on_inotify_init) ? -1 : TestSystem::inotify_init1(flags); }
int FaultySystem::inotify_add_watch(int fd, const char* path, std::uint32_t mask) {
  return fails(on_inotify_add_watch) ? -1 : TestSystem::inotify_add_watch(fd, path, mask);
}

std::thread FaultySystem::start_thread(std::function<void()> body) {
  if (fails(on_thread)) throw std::system_error(errno, std::generic_category());
  return TestSystem::start_thread(std::move(body));
}

int FaultySystem::timerfd_settime(int fd, int flags, const itimerspec* time) {
  const std::lock_guard lock(mutex_);
  timers_[fd] = {flags, *time};
  return set_timer(fd, flags, *time);
}

// The kernel's clock is behind.
int FaultySystem::set_timer(int fd, int flags, itimerspec time) {
  constexpr long kSecond = 1'000'000'000;
  const auto at = std::chrono::seconds(time.it_value.tv_sec) + std::chrono::nanoseconds(time.it_value.tv_nsec);
  const auto there = std::max<std::chrono::nanoseconds>(std::chrono::nanoseconds(1), at - ahead_.load());
  time.it_value = {static_cast<time_t>(there.count() / kSecond), static_cast<long>(there.count() % kSecond)};
  return TestSystem::timerfd_settime(fd, flags, &time);
}

void FaultySystem::pass(Duration time) {
  const std::lock_guard lock(mutex_);
  ahead_ = ahead_.load() + time;
  for (const auto& [fd, set] : timers_) set_timer(fd, set.first, set.second);
}

FaultySystem::Hook fail_with(int error, int times) {
  auto left = std::make_shared<std::atomic<int>>(times);
  return [left, error] {
    if (left->fetch_sub(1) <= 0) return false;
    errno = error;
    return true;
  };
}

}  // namespace ipcbridge::testing_support
