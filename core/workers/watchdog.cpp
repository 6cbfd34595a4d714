#include "core/workers/watchdog.hpp"

namespace ipcbridge {

void Watchdog::stop() {
  stopping_ = true;
  wake();
}

void Watchdog::fall_asleep(bool reads, bool has_timer, std::uint64_t seen_starts) {
  state_ = reads ? State::kReading : (has_timer ? State::kPaced : State::kResting);
  has_timer_ = has_timer;
  seen_starts_ = seen_starts;
}

bool Watchdog::call_to_read(bool unattended) {
  if (state_ == State::kReading && !unattended) return false;
  wake();
  return true;
}

void Watchdog::wake() {
  if (state_ == State::kAwake) return;
  state_ = State::kAwake;
  bell_.ring();
}

}  // namespace ipcbridge
