#include "tests/core/support/support.hpp"

#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "core/transport/socket.hpp"

namespace ipcbridge::testing_support {
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
  Result<std::pair<Fd, Fd>> pair = connected_pair(System::real());
  if (!pair.ok()) std::abort();
  return std::move(pair).value();
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

LingeringSocket::LingeringSocket() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
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
