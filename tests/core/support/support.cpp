#include "tests/core/support/support.hpp"

#include <grp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <system_error>

namespace ipcbridge::testing_support {
namespace {

bool fails(const FaultySystem::Hook& hook) { return hook && hook(); }

std::size_t entries_in(const char* directory) {
  using Entries = std::filesystem::directory_iterator;
  return static_cast<std::size_t>(std::distance(Entries(directory), Entries()));
}

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

TemporaryDirectory::TemporaryDirectory() {
  std::string name = "/tmp/ipcbridge-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ScopedEnvironment::ScopedEnvironment(std::string name, const std::string& value) : name_(std::move(name)) {
  if (const char* old = std::getenv(name_.c_str())) {
    old_ = old;
    was_set_ = true;
  }
  ::setenv(name_.c_str(), value.c_str(), 1);
}

ScopedEnvironment::~ScopedEnvironment() {
  if (was_set_) {
    ::setenv(name_.c_str(), old_.c_str(), 1);
  } else {
    ::unsetenv(name_.c_str());
  }
}

std::pair<Fd, Fd> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  return {Fd(ends[0]), Fd(ends[1])};
}

void send_descriptors(const Fd& socket, const std::vector<int>& fds) {
  std::byte byte{0};
  iovec vector{&byte, 1};
  std::vector<std::byte> control(CMSG_SPACE(fds.size() * sizeof(int)));
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
  if (::sendmsg(socket.get(), &message, 0) != 1) std::abort();
}

LingeringSocket::LingeringSocket() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const linger on{1, 60};
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &on, sizeof on) != 0) std::abort();
}

bool LingeringSocket::lingers() const {
  linger value{};
  socklen_t size = sizeof value;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &value, &size) != 0) std::abort();
  return value.l_onoff != 0;
}

bool wait_for(int fd, short events) {
  constexpr int kPatience = 10'000;
  pollfd watched{fd, events, 0};
  int ready = -1;
  while ((ready = ::poll(&watched, 1, kPatience)) < 0 && errno == EINTR) {
  }
  return ready == 1;
}

bool is_readable(int fd) {
  pollfd watched{fd, POLLIN, 0};
  return ::poll(&watched, 1, 0) == 1;
}

std::size_t open_descriptors() { return entries_in("/proc/self/fd"); }

std::size_t live_threads() { return entries_in("/proc/self/task"); }

Buffer bytes_of(std::string_view text) {
  const ConstBytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

std::string text_of(ConstBytes bytes) { return std::string(as_text(bytes)); }

Buffer pattern(std::size_t size, std::uint32_t seed) {
  Buffer bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((seed * 31U + i * 7U) & 0xFFU);
  return bytes;
}

bool is_pattern(ConstBytes bytes, std::uint32_t seed) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != static_cast<std::byte>((seed * 31U + i * 7U) & 0xFFU)) return false;
  }
  return true;
}

FrameHeader header_of(FrameType type, std::uint64_t id, std::size_t length, std::uint8_t flags) {
  return FrameHeader{static_cast<std::uint32_t>(length), type, flags, 0, id};
}

bool become_nobody(const std::vector<gid_t>& groups) {
  return ::setgroups(groups.size(), groups.data()) == 0 && ::setgid(kNobody) == 0 && ::setuid(kNobody) == 0;
}

Child::Child(const std::function<int()>& body) {
  std::fflush(nullptr);  // or the child's exit() writes it again
  pid_ = ::fork();
  if (pid_ < 0) std::abort();
  if (pid_ == 0) ::_exit(body());
}

Child::~Child() {
  if (pid_ < 0) return;
  kill(SIGKILL);
  wait();
}

void Child::kill(int signal) const { ::kill(pid_, signal); }

void Child::stop() const {
  kill(SIGSTOP);
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WNOWAIT) != 0 && errno == EINTR) {
  }
}

bool Child::running() {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

int Child::wait() {
  if (pid_ < 0) return -1;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace ipcbridge::testing_support
