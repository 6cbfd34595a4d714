#include "core/cpp_api/state_board.hpp"

#include <variant>

namespace ipcbridge {
namespace {

bool is_final(StateBoard::Owner owner, std::uint8_t state) {
  return state == (owner.first == StateBoard::Kind::kClient ? static_cast<std::uint8_t>(ClientState::kClosed)
                                                            : static_cast<std::uint8_t>(ServerState::kClosed));
}

bool begins(StateBoard::Owner owner, std::uint8_t state) {
  return state == (owner.first == StateBoard::Kind::kClient ? static_cast<std::uint8_t>(ClientState::kReady)
                                                            : static_cast<std::uint8_t>(ServerState::kListening));
}

}  // namespace

void StateBoard::observe(const Event& event) {
  const std::lock_guard lock(mutex_);
  if (const auto* cancel = std::get_if<CancelEvent>(&event)) {
    cancelled_.add(cancel->key);
  } else if (const auto* of_client = std::get_if<ClientStateEvent>(&event)) {
    note(client(of_client->client), static_cast<std::uint8_t>(of_client->state),
         {of_client->code, std::string(of_client->message)});
  } else if (const auto* of_server = std::get_if<ServerStateEvent>(&event)) {
    note(server(of_server->server), static_cast<std::uint8_t>(of_server->state),
         {of_server->code, std::string(of_server->message)});
  }
}

void StateBoard::note(Owner owner, std::uint8_t state, Error why) {
  Entry& entry = entries_[owner];
  entry.last = {state, entry.last.begun || begins(owner, state), std::move(why)};
  entry.seen = true;
  if (entry.forgotten && is_final(owner, state)) entries_.erase(owner);
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
