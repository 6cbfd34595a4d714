#pragma once

#include <cstdint>
#include <span>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"

namespace ipcbridge {

// An epoll set with a timer and a bell in it, so that one descriptor tells of everything: it is readable
// when a watched descriptor is, when the time set is reached, or when the bell was rung.
class Poller {
 public:
  static constexpr std::uint64_t kTimer = ~0ULL;
  static constexpr std::uint64_t kBell = ~0ULL - 1;

  static Result<Poller> create(System& system);

  int fd() const { return epoll_.get(); }
  bool add(int fd, std::uint64_t token, std::uint32_t events);
  void modify(int fd, std::uint64_t token, std::uint32_t events);
  void remove(int fd);

  // What is ready now; silences the timer and the bell. At most as many as `out` holds.
  std::span<const epoll_event> poll(std::span<epoll_event> out);

  // Makes fd() readable at `deadline` at the latest. Cheap when an earlier time is set already: then fd()
  // becomes readable too early once, which is harmless.
  void wake_at(TimePoint deadline);
  void ring();

 private:
  explicit Poller(System& system) : system_(&system) {}

  System* system_;
  Fd epoll_;
  Fd timer_;
  Fd bell_;
  TimePoint armed_ = kNever;
};

}  // namespace ipcbridge
