#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/fd.hpp"
#include "core/base/frame.hpp"
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

// A fresh directory with mode 0700, removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Sets an environment variable for as long as it lives.
class ScopedEnvironment {
 public:
  ScopedEnvironment(std::string name, const std::string& value);
  ~ScopedEnvironment();
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

 private:
  std::string name_;
  std::string old_;
  bool was_set_ = false;
};

// Two ends of a non-blocking Unix stream socket.
std::pair<Fd, Fd> socket_pair();

// Sends one byte and these descriptors with it.
void send_descriptors(const Fd& socket, const std::vector<int>& fds);

// A socket whose close() may block: SO_LINGER is on.
class LingeringSocket {
 public:
  LingeringSocket();
  int fd() const { return socket_.get(); }
  bool lingers() const;

 private:
  Fd socket_;
};

// Waits until the descriptor reports one of the events. False after ten seconds, which no test should see.
bool wait_for(int fd, short events);
// What poll() says now.
bool is_readable(int fd);

std::size_t open_descriptors();
// Of this process.
std::size_t live_threads();

Buffer bytes_of(std::string_view text);
std::string text_of(ConstBytes bytes);
// `size` bytes that depend on the seed, and the check that they are what they were.
Buffer pattern(std::size_t size, std::uint32_t seed);
bool is_pattern(ConstBytes bytes, std::uint32_t seed);

FrameHeader header_of(FrameType type, std::uint64_t id, std::size_t length, std::uint8_t flags = 0);

inline constexpr uid_t kNobody = 65534;

// False where it fails: only root can.
bool become_nobody(const std::vector<gid_t>& groups = {kNobody});

// Runs in a forked child; the exit code is what `body` returns. The child leaves by _exit.
class Child {
 public:
  explicit Child(const std::function<int()>& body);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  bool running();
  void kill(int signal) const;
  // By SIGSTOP; it has stopped when this returns.
  void stop() const;
  // The exit code, or 128 and the signal.
  int wait();

 private:
  pid_t pid_ = -1;
};

}  // namespace ipcbridge::testing_support
