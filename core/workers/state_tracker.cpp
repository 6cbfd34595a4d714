#include "core/workers/state_tracker.hpp"

#include <string>
#include <utility>
#include <variant>

namespace ipcbridge {
namespace {

bool is_final(StateTracker::Owner owner, std::uint8_t state) {
  return state == (owner.kind == StateTracker::Kind::kClient ? static_cast<std::uint8_t>(ClientState::kClosed)
                                                             : static_cast<std::uint8_t>(ServerState::kClosed));
}

bool begins(StateTracker::Owner owner, std::uint8_t state) {
  return state == (owner.kind == StateTracker::Kind::kClient ? static_cast<std::uint8_t>(ClientState::kReady)
                                                             : static_cast<std::uint8_t>(ServerState::kListening));
}

}  // namespace

void StateTracker::observe(const ObservedEvent& event) {
  const std::lock_guard lock(mutex_);
  std::visit([this](const auto& kind) { on(kind); }, event);
}

void StateTracker::on(const CancelEvent& event) {
  cancelled_.add(event.key);
  keep({TrackedEvent::Kind::kCancel, server(event.server), {}, event.key, {}, 0});
}

void StateTracker::on(const ClientStateEvent& event) {
  note(client(event.client), static_cast<std::uint8_t>(event.state), {event.code, std::string(event.message)});
}

void StateTracker::on(const ServerStateEvent& event) {
  note(server(event.server), static_cast<std::uint8_t>(event.state), {event.code, std::string(event.message)});
}

void StateTracker::on(const SaturationEvent& event) {
  keep({TrackedEvent::Kind::kSaturation, server(event.server), {}, {}, event.load, 0});
}

void StateTracker::on(const ReferenceReleasedEvent& event) {
  keep({TrackedEvent::Kind::kReleased, {}, {}, {0, event.reference}, {}, 0});
}

void StateTracker::note(Owner owner, std::uint8_t state, Error why) {
  Entry& entry = entries_[owner];
  const bool is_new = !entry.seen || entry.last.state != state;
  entry.last = {state, entry.last.begun || begins(owner, state), std::move(why)};
  entry.seen = true;
  changed_.notify_all();
  if (is_new) keep({TrackedEvent::Kind::kState, owner, entry.last, {}, {}, 0});
  if (entry.forgotten && is_final(owner, state)) entries_.erase(owner);
}

void StateTracker::keep(TrackedEvent event) {
  if (!listening_) return;
  event.number = ++last_event_;
  events_.push_back(std::move(event));
  changed_.notify_all();
}

std::optional<StateTracker::State> StateTracker::last(Owner owner) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(owner);
  if (found == entries_.end() || !found->second.seen || found->second.forgotten) return std::nullopt;
  return found->second.last;
}

std::optional<StateTracker::State> StateTracker::wait_begun(BlockingDriver& driver, Owner owner,
                                                            const Interrupted& interrupted) const {
  std::optional<State> seen;
  const auto has_begun_or_failed = [&] {
    seen = last(owner);
    return seen && (seen->begun || is_final(owner, seen->state));
  };
  if (!driver.wait_until(has_begun_or_failed, kNever, interrupted)) return std::nullopt;
  return seen;
}

void StateTracker::wait_closed(BlockingDriver& driver, ServerId id, const Interrupted& interrupted) const {
  const auto is_closed = [&] {
    const std::optional<State> seen = last(server(id));
    if (seen) return is_final(server(id), seen->state);
    return driver.driver().server_status(id).state == ServerState::kClosed;
  };
  driver.wait_until(is_closed, kNever, interrupted);
}

void StateTracker::sleep_until_closed(ServerId id) const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    const auto found = entries_.find(server(id));
    return found != entries_.end() && found->second.seen && is_final(server(id), found->second.last.state);
  });
}

void StateTracker::forget(Owner owner) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[owner];
  entry.forgotten = true;
  if (entry.seen && is_final(owner, entry.last.state)) entries_.erase(owner);
}

void StateTracker::listen() {
  const std::lock_guard lock(mutex_);
  listening_ = true;
}

std::uint64_t StateTracker::last_event() const {
  const std::lock_guard lock(mutex_);
  return last_event_;
}

std::optional<StateTracker::TrackedEvent> StateTracker::next_event() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopped_ || !events_.empty(); });
  if (stopped_) return std::nullopt;
  TrackedEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void StateTracker::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace ipcbridge
