#include <fcntl.h>
#include <linux/futex.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "core/base/fd.hpp"
#include "core/base/linux/linux_calls.hpp"
#include "core/doctor/checks.hpp"
#include "core/doctor/remedy.hpp"
#include "core/reactor/poller.hpp"

namespace ipcbridge::doctor {
namespace {

constexpr const char* kWakeUps = "wake-ups";
constexpr const char* kWatching = "path watching";

// What a futex answers to who waits for a value that has changed already.
int futex_error() {
  const std::uint32_t word = 1;
  errno = 0;
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
  return errno;
}

}  // namespace

Finding check_wake_ups(System& system) {
  errno = 0;
  Result<Poller> poller = Poller::create(system);
  if (!poller.ok()) return fault(kWakeUps, poller.error().message, remedy_for(errno));
  poller.value().ring();
  std::array<std::uint64_t, 1> tokens{};
  if (poller.value().poll(tokens).empty()) {
    return fault(kWakeUps, "epoll does not see that an eventfd was written", remedy_for(ENOSYS));
  }
  if (const int error = futex_error(); error != EAGAIN) {
    return fault(kWakeUps, std::string("futex fails: ") + std::strerror(error), remedy_for(error));
  }
  return ok(kWakeUps, "epoll, eventfd, timerfd and futex");
}

Finding check_path_watching(System& system) {
  const std::string instead = ", so it looks every now and then whether a name has come or gone, which is slower";
  const Fd inotify(linux_calls(system).inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  int error = inotify.valid() ? 0 : errno;
  if (error == 0 && linux_calls(system).inotify_add_watch(inotify.get(), "/", IN_DELETE_SELF | IN_ONLYDIR) < 0)
    error = errno;
  if (error == EMFILE || error == ENOSPC) {
    return warning(kWatching, "this user has no inotify instances or watches left" + instead,
                   "raise fs.inotify.max_user_instances and fs.inotify.max_user_watches (sysctl), or the limit of open "
                   "files (ulimit -n)");
  }
  if (error != 0)
    return warning(kWatching, std::string("inotify fails: ") + std::strerror(error) + instead, remedy_for(error));
  const Fd mounts(system.calls().open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC, 0));
  if (!mounts.valid()) {
    return warning(kWatching, std::string("/proc/self/mountinfo cannot be read: ") + std::strerror(errno) + instead,
                   "mount /proc where this process runs");
  }
  return ok(kWatching, "inotify, and /proc/self/mountinfo");
}

}  // namespace ipcbridge::doctor
