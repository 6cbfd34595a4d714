#include "core/cpp_api/state_board.hpp"

namespace ipcbridge {
namespace {

bool is_final(StateBoard::Owner owner, std::uint8_t state) {
  return state == (owner.first == Event::Kind::kClientState ? static_cast<std::uint8_t>(ClientState::kClosed)
                                                            : static_cast<std::uint8_t>(ServerState::kClosed));
}

bool begins(StateBoard::Owner owner, std::uint8_t state) {
  return state == (owner.first == Event::Kind::kClientState ? static_cast<std::uint8_t>(ClientState::kReady)
                                                            : static_cast<std::uint8_t>(ServerState::kListening));
}

}  // namespace

void StateBoard::observe(const Event& event) {
  const std::lock_guard lock(mutex_);
  if (event.kind == Event::Kind::kCancel) {
    cancelled_.add(event.key);
    return;
  }
  const Owner owner{event.kind, event.owner};
  Entry& entry = entries_[owner];
  entry.last = {event.state,
                entry.last.begun || begins(owner, event.state),
                {event.outcome.code, std::string(event.outcome.message)}};
  entry.seen = true;
  if (entry.forgotten && is_final(owner, event.state)) entries_.erase(owner);
  changed_.notify_all();
}

StateBoard::State StateBoard::wait(Owner owner, const std::function<bool(const State&)>& wanted) {
  std::unique_lock lock(mutex_);
  Entry& entry = entries_[owner];
  changed_.wait(lock, [&] { return entry.seen && wanted(entry.last); });
  return entry.last;
}

StateBoard::State StateBoard::wait_begun(Owner owner) {
  return wait(owner, [owner](const State& seen) { return seen.begun || is_final(owner, seen.state); });
}

void StateBoard::wait_closed(Owner owner) {
  wait(owner, [owner](const State& seen) { return is_final(owner, seen.state); });
}

void StateBoard::forget(Owner owner) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[owner];
  entry.forgotten = true;
  if (entry.seen && is_final(owner, entry.last.state)) entries_.erase(owner);
}

}  // namespace ipcbridge
