#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "core/base/bell.hpp"
#include "core/base/clock.hpp"
#include "core/workers/watch_pace.hpp"

namespace ipcbridge {

// What the thread does that looks after the workers: it sees handlers that take long, and reads where no worker can.
// The thread itself is in watchdog_thread.cpp. Used under the lock of the BlockingDriver.
class Watchdog {
 public:
  explicit Watchdog(Bell bell) : bell_(std::move(bell)) {}

  const Bell& bell() const { return bell_; }
  bool is_stopping() const { return stopping_; }
  void stop();

  // How long to sleep after what was seen of the workers; nothing: until somebody wakes it.
  std::optional<Duration> pause(const WatchPace::Sample& sample) { return pace_.after(sample); }
  void begin_pace_anew() { pace_ = {}; }

  // The thread is about to sleep, and has seen so many calls begin; or is back.
  void fall_asleep(bool reads, bool has_timer, std::uint64_t seen_starts);
  void get_up() { state_ = State::kAwake; }
  std::uint64_t seen_starts() const { return seen_starts_; }

  // Nobody else can read. `unattended`: no message would wake it. True when it has been called.
  bool call_to_read(bool unattended);

  // Wakes it for what has changed: an idle worker can read in its place, calls have begun, or one has ended of which
  // the callers were told.
  void wake_if_needed(bool has_idle_worker, std::uint64_t starts, bool stale_activity) {
    if (state_ == State::kAwake) return;
    const bool relieved = state_ == State::kReading && has_idle_worker;
    const bool unseen = !has_timer_ && (starts != seen_starts_ || stale_activity);
    if (relieved || unseen) wake();
  }

 private:
  enum class State : std::uint8_t {
    kAwake,    // or called
    kPaced,    // asleep, for a few milliseconds at most
    kResting,  // asleep until woken
    kReading,  // asleep until the Driver has something to read
  };

  void wake();

  Bell bell_;
  WatchPace pace_;
  State state_ = State::kAwake;
  bool has_timer_ = false;
  bool stopping_ = false;
  std::uint64_t seen_starts_ = 0;
};

}  // namespace ipcbridge
