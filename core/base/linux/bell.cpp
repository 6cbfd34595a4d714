#include "core/base/bell.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "core/base/linux/linux_calls.hpp"
#include "core/base/poll.hpp"

namespace ipcbridge {

Result<Bell> Bell::create(System& system) {
  Fd fd(linux_calls(system).eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!fd.valid()) {
    return Error{Code::kResourceExhausted, std::string("cannot create an eventfd: ") + std::strerror(errno)};
  }
  return Bell(system, std::move(fd));
}

void Bell::ring() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
}

void Bell::wait(TimePoint until) const {
  if (wait_readable(*system_, fd_.get(), until)) silence();
}

void Bell::silence() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(fd_.get(), &count, sizeof count);
}

}  // namespace ipcbridge
