#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "core/base/result.hpp"
#include "core/endpoint/events.hpp"
#include "core/workers/cancelled_requests.hpp"

namespace ipcbridge {

// What a pump's observer has seen: the last state of each client and server, and which calls were cancelled.
// Any thread.
class StateBoard {
 public:
  // Kind and number: clients and servers count separately.
  enum class Kind : std::uint8_t { kClient, kServer };
  using Owner = std::pair<Kind, std::uint32_t>;

  struct State {
    std::uint8_t state = 0;
    bool begun = false;  // it has been ready, or listening, since; one state may follow another before anybody looks
    Error why;           // of the change; kOk when there is nothing to say
  };

  static Owner client(ClientId id) { return {Kind::kClient, id}; }
  static Owner server(ServerId id) { return {Kind::kServer, id}; }

  void observe(const Event& event);

  // Waits until the owner has begun or failed to.
  State wait_begun(Owner owner);
  // Waits for its last state.
  void wait_closed(Owner owner);

  // The owner has gone: nobody will ask again.
  void forget(Owner owner);

  bool cancelled(const RequestKey& key) const { return cancelled_.contains(key); }
  // The request has been answered.
  void answered(const RequestKey& key) { cancelled_.remove(key); }

 private:
  void note(Owner owner, std::uint8_t state, Error why);
  State wait(Owner owner, const std::function<bool(const State&)>& wanted);

  struct Entry {
    State last;
    bool seen = false;
    bool forgotten = false;
  };
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Owner, Entry> entries_;
  CancelledRequests cancelled_;
};

}  // namespace ipcbridge
