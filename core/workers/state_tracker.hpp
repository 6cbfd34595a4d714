#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "core/base/result.hpp"
#include "core/workers/blocking_driver.hpp"
#include "core/workers/cancelled_requests.hpp"
#include "core/workers/interrupt_check.hpp"
#include "core/workers/observed_event.hpp"

namespace ipcbridge {

// What the observer of a BlockingDriver has seen: the last state of each client and server, which calls were cancelled,
// and the events that a thread which waits for them has not heard yet. Any thread.
class StateTracker {
 public:
  // Clients and servers count separately.
  enum class Kind : std::uint8_t { kClient, kServer };
  struct Owner {
    Kind kind = Kind::kClient;
    std::uint32_t id = 0;
    // NOLINTNEXTLINE(modernize-use-nullptr): what it compares the comparison with is written by the compiler
    auto operator<=>(const Owner&) const = default;
  };
  static Owner client(ClientId id) { return {Kind::kClient, id}; }
  static Owner server(ServerId id) { return {Kind::kServer, id}; }

  struct State {
    std::uint8_t state = 0;  // a ClientState or ServerState
    bool begun = false;  // it has been ready, or listening, since; one state may follow another before anybody looks
    Error why;           // of the change; kOk when there is nothing to say
  };

  struct TrackedEvent {
    enum class Kind : std::uint8_t { kState, kCancel, kSaturation, kReleased };
    Kind kind = Kind::kState;
    Owner owner;
    State state;               // after a change of state
    RequestKey call;           // that was cancelled; its id is that of a reference that was released
    WorkerLoad load;           // of a server that is saturated
    std::uint64_t number = 0;  // counts from 1
  };

  void observe(const ObservedEvent& event);

  // Nothing: it has not been seen yet, or was forgotten.
  std::optional<State> last(Owner owner) const;

  // Waits until the owner has begun, or failed to. Nothing when interrupted.
  std::optional<State> wait_begun(BlockingDriver& driver, Owner owner, const Interrupted& interrupted = {}) const;
  // Waits until a server is closed, or was forgotten.
  void wait_closed(BlockingDriver& driver, ServerId server, const Interrupted& interrupted = {}) const;
  // The same, for a wait that may last as long as the server, which is not to be forgotten meanwhile: leaves the
  // reading to those who run its handlers.
  void sleep_until_closed(ServerId server) const;

  // The owner has gone: nobody will ask again.
  void forget(Owner owner);

  // Whether the caller of a request that is being handled has stopped waiting.
  bool cancelled(const RequestKey& call) const { return cancelled_.contains(call); }
  // The request has been answered; costs a load while no call was cancelled.
  void answered(const RequestKey& call) { cancelled_.remove(call); }

  // From now on events are kept for next_event().
  void listen();
  // The number of the last one: who begins to listen now has no interest in what came before.
  std::uint64_t last_event() const;
  // Waits for an event; nothing after stop().
  std::optional<TrackedEvent> next_event();
  void stop();

 private:
  struct Entry {
    State last;
    bool seen = false;
    bool forgotten = false;
  };

  void on(const CancelEvent& event);
  void on(const ClientStateEvent& event);
  void on(const ServerStateEvent& event);
  void on(const SaturationEvent& event);
  void on(const ReferenceReleasedEvent& event);
  void on(const RoomEvent&) {}
  void note(Owner owner, std::uint8_t state, Error why);
  void keep(TrackedEvent event);

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<Owner, Entry> entries_;
  CancelledRequests cancelled_;
  std::deque<TrackedEvent> events_;
  std::uint64_t last_event_ = 0;
  bool listening_ = false;
  bool stopped_ = false;
};

}  // namespace ipcbridge
