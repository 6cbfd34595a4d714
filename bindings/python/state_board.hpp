#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "core/base/clock.hpp"
#include "core/endpoint/events.hpp"
#include "core/workers/cancelled_requests.hpp"

namespace ipcbridge::python {

// What the pump's observer has seen: the last state of each client and server, which calls were cancelled,
// and the news that Python has not heard yet. Knows no Python, because observers run without the GIL.
// Any thread.
class StateBoard {
 public:
  struct State {
    std::uint8_t state = 0;
    Code code = Code::kOk;
    std::string message;
    bool begun = false;  // it has been ready, or listening, since; one state may follow another before anybody looks
  };

  struct News {
    enum class Kind : std::uint8_t { kClientState, kServerState, kCancel, kSaturated };
    Kind kind = Kind::kClientState;
    std::uint32_t owner = 0;
    State state;
    RequestKey key;
    std::uint64_t number = 0;  // counts from 1
  };

  void observe(const Event& event);

  std::optional<State> client(ClientId id) const;
  std::optional<State> server(ServerId id) const;

  // The owner has gone: its final state need not be remembered.
  void forget_client(ClientId id);
  void forget_server(ServerId id);

  // Whether the caller of a request that is being handled has stopped waiting.
  bool cancelled(const RequestKey& key) const { return cancelled_.contains(key); }
  // The request has been answered; costs nothing while no call was cancelled.
  void answered(const RequestKey& key) { cancelled_.remove(key); }

  // All workers of a server have something to do: next_news says so when that has lasted for a second.
  void saturated(ServerId id);

  // From now on news is kept for next_news.
  void listen();
  // The number of the last news: who begins to listen now has no interest in what came before.
  std::uint64_t last_news() const;
  // Waits for news; nullopt after stop().
  std::optional<News> next_news();
  void stop();

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<ClientId, State> clients_;
  std::unordered_map<ServerId, State> servers_;
  std::unordered_set<ClientId> forgotten_clients_;
  std::unordered_set<ServerId> forgotten_servers_;
  CancelledRequests cancelled_;
  std::deque<News> news_;
  std::uint64_t last_news_ = 0;
  std::unordered_map<ServerId, TimePoint> saturated_;
  std::atomic<ServerId> watched_{0};  // the server whose saturation is being timed already; one of them
  bool listening_ = false;
  bool stopped_ = false;
};

}  // namespace ipcbridge::python
