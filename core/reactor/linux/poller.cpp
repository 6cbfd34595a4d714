#include "core/reactor/poller.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/linux/linux_calls.hpp"

namespace ipcbridge {
namespace {

epoll_event event_of(std::uint64_t token, std::uint32_t interest) {
  epoll_event event{};
  if ((interest & Poller::kReadable) != 0) event.events |= EPOLLIN;
  if ((interest & Poller::kWritable) != 0) event.events |= EPOLLOUT;
  if ((interest & Poller::kHangUp) != 0) event.events |= EPOLLRDHUP;
  if ((interest & Poller::kChanges) != 0) event.events |= EPOLLET;
  event.data.u64 = token;
  return event;
}

}  // namespace

Result<Poller> Poller::create(System& system) {
  Poller poller(system);
  poller.set_ = Fd(linux_calls(system).epoll_create1(EPOLL_CLOEXEC));
  if (poller.set_.valid())
    poller.timer_ = Fd(linux_calls(system).timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (poller.timer_.valid()) poller.bell_ = Fd(linux_calls(system).eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!poller.bell_.valid()) {
    return Error{Code::kResourceExhausted, std::string("cannot create the event descriptors: ") + std::strerror(errno)};
  }
  if (!poller.add(poller.timer_.get(), kTimer, kReadable) || !poller.add(poller.bell_.get(), kBell, kReadable)) {
    return Error{Code::kResourceExhausted, std::string("cannot watch the event descriptors: ") + std::strerror(errno)};
  }
  return poller;
}

bool Poller::add(int fd, std::uint64_t token, std::uint32_t interest) {
  epoll_event event = event_of(token, interest);
  return linux_calls(*system_).epoll_ctl(set_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::modify(int fd, std::uint64_t token, std::uint32_t interest) {
  epoll_event event = event_of(token, interest);
  ::epoll_ctl(set_.get(), EPOLL_CTL_MOD, fd, &event);
}

void Poller::remove(int fd) { ::epoll_ctl(set_.get(), EPOLL_CTL_DEL, fd, nullptr); }

std::span<const std::uint64_t> Poller::poll(std::span<std::uint64_t> tokens) {
  constexpr std::size_t kMost = 128;
  std::array<epoll_event, kMost> events{};
  const int count = ::epoll_wait(set_.get(), events.data(), static_cast<int>(std::min(kMost, tokens.size())), 0);
  const auto ready = static_cast<std::size_t>(std::max(0, count));
  for (std::size_t i = 0; i < ready; ++i) {
    const std::uint64_t token = events.at(i).data.u64;
    tokens[i] = token;
    if (token != kTimer && token != kBell) continue;
    if (token == kTimer) armed_ = kNever;
    std::uint64_t value = 0;
    [[maybe_unused]] const ssize_t got = ::read((token == kTimer ? timer_ : bell_).get(), &value, sizeof value);
  }
  return tokens.first(ready);
}

void Poller::wake_at(TimePoint deadline) {
  if (deadline >= armed_) return;
  armed_ = deadline;
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  itimerspec time{};
  // Zero would disarm it.
  const auto at = std::max<decltype(nanoseconds)>(1, nanoseconds);
  time.it_value = {static_cast<time_t>(at / 1'000'000'000), static_cast<long>(at % 1'000'000'000)};
  linux_calls(*system_).timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &time);
}

void Poller::ring() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(bell_.get(), &one, sizeof one);
}

}  // namespace ipcbridge
