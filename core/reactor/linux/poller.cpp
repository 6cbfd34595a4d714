#include "core/reactor/poller.hpp"

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace ipcbridge {

Result<Poller> Poller::create(System& system) {
  Poller poller(system);
  poller.epoll_ = Fd(system.epoll_create1(EPOLL_CLOEXEC));
  if (poller.epoll_.valid()) poller.timer_ = Fd(system.timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (poller.timer_.valid()) poller.bell_ = Fd(system.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!poller.bell_.valid()) {
    return Error{Code::kResourceExhausted, std::string("cannot create the event descriptors: ") + std::strerror(errno)};
  }
  if (!poller.add(poller.timer_.get(), kTimer, EPOLLIN) || !poller.add(poller.bell_.get(), kBell, EPOLLIN)) {
    return Error{Code::kResourceExhausted, std::string("cannot watch the event descriptors: ") + std::strerror(errno)};
  }
  return poller;
}

bool Poller::add(int fd, std::uint64_t token, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  return system_->epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::modify(int fd, std::uint64_t token, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Poller::remove(int fd) { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

std::span<const epoll_event> Poller::poll(std::span<epoll_event> out) {
  const int count = ::epoll_wait(epoll_.get(), out.data(), static_cast<int>(out.size()), 0);
  if (count <= 0) return {};
  for (const epoll_event& event : out.first(static_cast<std::size_t>(count))) {
    if (event.data.u64 != kTimer && event.data.u64 != kBell) continue;
    const Fd& fd = event.data.u64 == kTimer ? timer_ : bell_;
    if (event.data.u64 == kTimer) armed_ = kNever;
    std::uint64_t value = 0;
    [[maybe_unused]] const ssize_t got = ::read(fd.get(), &value, sizeof value);
  }
  return out.first(static_cast<std::size_t>(count));
}

void Poller::wake_at(TimePoint deadline) {
  if (deadline >= armed_) return;
  armed_ = deadline;
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  itimerspec time{};
  // Zero would disarm it.
  const auto at = std::max<decltype(nanoseconds)>(1, nanoseconds);
  time.it_value = {static_cast<time_t>(at / 1'000'000'000), static_cast<long>(at % 1'000'000'000)};
  system_->timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &time);
}

void Poller::ring() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(bell_.get(), &one, sizeof one);
}

}  // namespace ipcbridge
