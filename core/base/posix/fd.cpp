#include "core/base/fd.hpp"

#include <unistd.h>

#include <utility>

#include "core/base/fork.hpp"

namespace ipcbridge {

Fd::Fd(int fd) : fd_(fd), generation_(fork_guard::generation()) {
  if (fd_ >= 0) fork_guard::track(fd_);
}

Fd::Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)), generation_(other.generation_) {}

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
    generation_ = other.generation_;
  }
  return *this;
}

bool Fd::valid() const { return fd_ >= 0 && generation_ == fork_guard::generation(); }

void Fd::reset() {
  const bool ours = valid();
  const int fd = std::exchange(fd_, -1);
  if (!ours) return;
  fork_guard::untrack(fd);
  ::close(fd);
}

}  // namespace ipcbridge
