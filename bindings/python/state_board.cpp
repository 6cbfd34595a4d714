#include "bindings/python/state_board.hpp"

#include <chrono>
#include <utility>

namespace ipcbridge::python {
namespace {

constexpr Duration kSaturationPatience = std::chrono::seconds(1);

template <typename Map>
std::optional<typename Map::mapped_type> look_up(const Map& map, typename Map::key_type id) {
  const auto found = map.find(id);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

// Remembers a state, unless nobody wants to know of this owner any more.
using State = StateBoard::State;

template <typename Map, typename Set>
void remember(Map& states, Set& forgotten, std::uint32_t id, const State& state, bool is_final) {
  const auto found = forgotten.find(id);
  if (found == forgotten.end()) {
    State& last = states[id];
    const bool begun = last.begun;
    last = state;
    last.begun = begun || state.begun;
  } else if (is_final) {
    forgotten.erase(found);
  }
}

template <typename Map, typename Set, typename Final>
void forget(Map& states, Set& forgotten, std::uint32_t id, Final final_state) {
  const auto found = states.find(id);
  const bool over = found != states.end() && found->second.state == static_cast<std::uint8_t>(final_state);
  if (found != states.end()) states.erase(found);
  if (!over) forgotten.insert(id);
}

}  // namespace

void StateBoard::observe(const Event& event) {
  const std::lock_guard lock(mutex_);
  News news;
  news.owner = event.owner;
  if (event.kind == Event::Kind::kCancel) {
    cancelled_.add(event.key);
    news.kind = News::Kind::kCancel;
    news.key = event.key;
  } else {
    news.state = {event.state, event.outcome.code, std::string(event.outcome.message), false};
    if (event.kind == Event::Kind::kClientState) {
      news.kind = News::Kind::kClientState;
      news.state.begun = event.state == static_cast<std::uint8_t>(ClientState::kReady);
      remember(clients_, forgotten_clients_, event.owner, news.state,
               event.state == static_cast<std::uint8_t>(ClientState::kClosed));
    } else if (event.kind == Event::Kind::kServerState) {
      news.kind = News::Kind::kServerState;
      news.state.begun = event.state == static_cast<std::uint8_t>(ServerState::kListening);
      remember(servers_, forgotten_servers_, event.owner, news.state,
               event.state == static_cast<std::uint8_t>(ServerState::kClosed));
    } else {
      return;
    }
  }
  if (!listening_) return;
  news_.push_back(std::move(news));
  changed_.notify_one();
}

std::optional<StateBoard::State> StateBoard::client(ClientId id) const {
  const std::lock_guard lock(mutex_);
  return look_up(clients_, id);
}

std::optional<StateBoard::State> StateBoard::server(ServerId id) const {
  const std::lock_guard lock(mutex_);
  return look_up(servers_, id);
}

void StateBoard::forget_client(ClientId id) {
  const std::lock_guard lock(mutex_);
  forget(clients_, forgotten_clients_, id, ClientState::kClosed);
}

void StateBoard::forget_server(ServerId id) {
  const std::lock_guard lock(mutex_);
  forget(servers_, forgotten_servers_, id, ServerState::kClosed);
  saturated_.erase(id);
  if (watched_.load(std::memory_order_relaxed) == id) watched_.store(0, std::memory_order_relaxed);
}

void StateBoard::saturated(ServerId id) {
  if (watched_.exchange(id, std::memory_order_relaxed) == id) return;
  const std::lock_guard lock(mutex_);
  saturated_.try_emplace(id, Clock::now() + kSaturationPatience);
  changed_.notify_one();
}

void StateBoard::listen() {
  const std::lock_guard lock(mutex_);
  listening_ = true;
}

std::optional<StateBoard::News> StateBoard::next_news() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (!news_.empty()) {
      News news = std::move(news_.front());
      news_.pop_front();
      return news;
    }
    if (saturated_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto [id, due] = *saturated_.begin();
    if (Clock::now() >= due) {
      saturated_.erase(id);
      if (watched_.load(std::memory_order_relaxed) == id) watched_.store(0, std::memory_order_relaxed);
      News news;
      news.kind = News::Kind::kSaturated;
      news.owner = id;
      return news;
    }
    changed_.wait_until(lock, due);
  }
  return std::nullopt;
}

void StateBoard::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace ipcbridge::python
