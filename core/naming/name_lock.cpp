#include "core/naming/name_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace ipcbridge {
namespace {

std::string lock_path(const std::string& socket_path) { return socket_path + ".lock"; }

// The file may have been unlinked between our open and our lock; then the lock is on nothing.
bool is_current(int fd, const std::string& path) {
  struct stat ours {};
  struct stat current {};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &current) == 0 && ours.st_ino == current.st_ino &&
         ours.st_dev == current.st_dev;
}

void write_holder(int fd) {
  const std::string text = std::to_string(::getpid()) + "\n";
  // Only for messages: a full disk must not keep a service from starting.
  if (::ftruncate(fd, 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(fd, text.data(), text.size(), 0);
  }
}

}  // namespace

NameLock& NameLock::operator=(NameLock&& other) noexcept {
  if (this == &other) return *this;
  release();
  path_ = std::move(other.path_);
  fd_ = std::move(other.fd_);
  return *this;
}

Result<NameLock> NameLock::acquire(System& system, const std::string& socket_path) {
  const std::string path = lock_path(socket_path);
  for (;;) {
    Fd fd(system.open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.valid()) {
      const int error = errno;
      const Code code = error == EACCES || error == EPERM || error == EROFS     ? Code::kPermissionDenied
                        : error == EMFILE || error == ENFILE || error == ENOSPC ? Code::kResourceExhausted
                                                                                : Code::kFailedPrecondition;
      return Error{code, "cannot open " + path + ": " + std::strerror(error)};
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      const pid_t pid = holder(socket_path);
      std::string message = pid > 0 ? "process " + std::to_string(pid) : "another process";
      message.append(" already serves at ").append(socket_path);
      return Error{Code::kAlreadyExists, std::move(message)};
    }
    if (!is_current(fd.get(), path)) continue;
    write_holder(fd.get());
    NameLock lock;
    lock.path_ = path;
    lock.fd_ = std::move(fd);
    return lock;
  }
}

pid_t NameLock::holder(const std::string& socket_path) {
  // O_NONBLOCK: it may be a pipe that nobody writes to.
  const Fd fd(::open(lock_path(socket_path).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  std::array<char, 16> text{};
  const ssize_t size = fd.valid() ? ::read(fd.get(), text.data(), text.size()) : -1;
  pid_t pid = 0;
  if (size > 0) std::from_chars(text.data(), text.data() + size, pid);
  return pid;
}

bool NameLock::held() const { return fd_.valid() && is_current(fd_.get(), path_); }

void NameLock::release() {
  if (held()) ::unlink(path_.c_str());
  fd_.reset();
}

}  // namespace ipcbridge
