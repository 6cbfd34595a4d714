#pragma once

#include <cstdint>
#include <span>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"

namespace ipcbridge {

// A set of watched descriptors with a timer and a bell in it, so that one descriptor tells of everything: it is
// readable when a watched descriptor is ready, when the time set is reached, or when the bell was rung.
class Poller {
 public:
  static constexpr std::uint64_t kTimer = ~0ULL;
  static constexpr std::uint64_t kBell = ~0ULL - 1;

  // What a descriptor is watched for. Errors are told of whatever is asked for.
  static constexpr std::uint32_t kReadable = 1;
  static constexpr std::uint32_t kWritable = 2;
  static constexpr std::uint32_t kHangUp = 4;   // the other end will write no more
  static constexpr std::uint32_t kChanges = 8;  // told once when it becomes so, not for as long as it is

  static Result<Poller> create(System& system);

  int fd() const { return set_.get(); }
  bool add(int fd, std::uint64_t token, std::uint32_t interest);
  void modify(int fd, std::uint64_t token, std::uint32_t interest);
  void remove(int fd);

  // The tokens of what is ready now, kTimer and kBell among them, which this silences. At most as many as `tokens`
  // holds.
  std::span<const std::uint64_t> poll(std::span<std::uint64_t> tokens);

  // Makes fd() readable at `deadline` at the latest. Cheap when an earlier time is set already: then fd()
  // becomes readable too early once, which is harmless.
  void wake_at(TimePoint deadline);
  void ring();

 private:
  explicit Poller(System& system) : system_(&system) {}

  System* system_;
  Fd set_;
  // Where the set itself has no timers and bells.
  Fd timer_;
  Fd bell_;
  TimePoint armed_ = kNever;
};

}  // namespace ipcbridge
