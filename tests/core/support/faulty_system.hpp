#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "core/base/clock.hpp"
#include "tests/core/support/test_system.hpp"

namespace ipcbridge::testing_support {

// A System in which chosen calls fail, and in which time passes when a test says so: each hook is asked first and may
// set errno and return true to fail the call. Hooks are set before threads start.
class FaultySystem final : public TestSystem {
 public:
  using Hook = std::function<bool()>;
  Hook on_socket, on_socketpair, on_accept, on_memfd, on_fallocate, on_mmap, on_eventfd, on_sendmsg, on_recvmsg,
      on_open, on_epoll_create, on_epoll_ctl, on_flock, on_inotify_init, on_inotify_add_watch, on_thread;

  int socket(int domain, int type, int protocol) override;
  int socketpair(int domain, int type, int protocol, int* ends) override;
  int accept4(int fd, int flags) override;
  ssize_t sendmsg(int fd, const msghdr* message, int flags) override;
  ssize_t recvmsg(int fd, msghdr* message, int flags) override;
  int memfd_create(const char* name, unsigned flags) override;
  int fallocate(int fd, int mode, off_t offset, off_t length) override;
  void* mmap(std::size_t length, int protection, int flags, int fd) override;
  int epoll_create1(int flags) override;
  int epoll_ctl(int set, int operation, int fd, epoll_event* event) override;
  int eventfd(unsigned initial, int flags) override;
  int open(const char* path, int flags, mode_t mode) override;
  int flock(int fd, int operation) override;
  int inotify_init1(int flags) override;
  int inotify_add_watch(int fd, const char* path, std::uint32_t mask) override;
  int timerfd_settime(int fd, int flags, const itimerspec* time) override;
  TimePoint now() override { return System::now() + ahead_.load(); }
  std::thread start_thread(std::function<void()> body) override;

  // Lets so much time pass at once, besides that which passes anyway. Timers that are due by then fire; a thread that
  // sleeps until a time of its own sleeps on.
  void pass(Duration time);

 private:
  int set_timer(int fd, int flags, itimerspec time);

  std::atomic<Duration> ahead_{Duration::zero()};
  std::mutex mutex_;
  std::map<int, std::pair<int, itimerspec>> timers_;  // as they were last set
};

// Fails with `error` the first `times` times it is asked.
FaultySystem::Hook fail_with(int error, int times = 1 << 30);

}  // namespace ipcbridge::testing_support
