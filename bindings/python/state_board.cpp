#include "bindings/python/state_board.hpp"

#include <chrono>
#include <utility>
#include <variant>

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

// False when it is the state that was there before.
template <typename Map, typename Set>
bool remember(Map& states, Set& forgotten, std::uint32_t id, const State& state, bool is_final) {
  const auto found = forgotten.find(id);
  if (found == forgotten.end()) {
    const auto [last, is_first] = states.try_emplace(id);
    const State before = std::exchange(last->second, state);
    last->second.begun = before.begun || state.begun;
    return is_first || before.state != state.state;
  }
  if (is_final) forgotten.erase(found);
  return true;
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
  bool is_new = true;
  if (const auto* cancel = std::get_if<CancelEvent>(&event)) {
    cancelled_.add(cancel->key);
    news.kind = News::Kind::kCancel;
    news.owner = cancel->server;
    news.key = cancel->key;
  } else if (const auto* client = std::get_if<ClientStateEvent>(&event)) {
    news.kind = News::Kind::kClientState;
    news.owner = client->client;
    news.state = {static_cast<std::uint8_t>(client->state), client->code, std::string(client->message),
                  client->state == ClientState::kReady};
    is_new = remember(clients_, forgotten_clients_, client->client, news.state, client->state == ClientState::kClosed);
  } else if (const auto* server = std::get_if<ServerStateEvent>(&event)) {
    news.kind = News::Kind::kServerState;
    news.owner = server->server;
    news.state = {static_cast<std::uint8_t>(server->state), server->code, std::string(server->message),
                  server->state == ServerState::kListening};
    is_new = remember(servers_, forgotten_servers_, server->server, news.state, server->state == ServerState::kClosed);
  } else {
    return;
  }
  if (!listening_ || !is_new) return;
  news.number = ++last_news_;
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

std::uint64_t StateBoard::last_news() const {
  const std::lock_guard lock(mutex_);
  return last_news_;
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
