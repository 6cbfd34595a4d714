#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include <ipcbridge/code.hpp>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/rpc/message.hpp"

namespace ipcbridge {

using ClientId = std::uint32_t;
using ServerId = std::uint32_t;

using Generation = std::atomic<std::uint32_t>;

// A request that waits for an answer, wherever it came from.
struct RequestKey {
  std::uint64_t connection = 0;
  std::uint64_t id = 0;
  bool operator==(const RequestKey&) const = default;
};

// Peers choose the ids of their requests, so the seed keeps them from choosing ids that collide. The mixing is
// splitmix64's (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
struct RequestKeyHash {
  std::uint64_t seed = std::random_device{}();

  std::size_t operator()(const RequestKey& key) const {
    std::uint64_t mixed = key.id + seed + key.connection * 0x9E3779B97F4A7C15ULL;
    mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBULL;
    return static_cast<std::size_t>(mixed ^ (mixed >> 31U));
  }
};

enum class ClientState : std::uint8_t {
  kConnecting,    // for the first time
  kReady,         // calls are sent
  kReconnecting,  // the connection was lost; calls wait
  kDisconnected,  // nobody was found; the next call tries again
  kClosed,        // by close(), or because the first connection failed; final
};

enum class ServerState : std::uint8_t {
  kStarting,   // waits for the name
  kListening,  // clients can connect
  kClosing,    // finishes what has been begun
  kClosed,     // by close(), or because it failed to start, or because another has taken over; final
};

std::string_view state_name(ClientState state);
std::string_view state_name(ServerState state);

// What a Driver tells its consumer. Views and storage are valid during EventSink::on_event only.
struct Event {
  enum class Kind : std::uint8_t { kOutcome, kRequest, kCancel, kClientState, kServerState };

  Kind kind = Kind::kOutcome;
  std::uint32_t owner = 0;    // the ClientId or ServerId
  std::uint64_t token = 0;    // kOutcome: what the caller gave to Driver::call
  RequestKey key;             // kRequest, kCancel
  Request request;            // kRequest
  Outcome outcome;            // kOutcome; of a state change why (code and message), kOk when there is nothing to say
  std::uint8_t state = 0;     // kClientState, kServerState
  Buffer* storage = nullptr;  // holds the payload; may be moved from
};

// `why` may be null; the event's message is a view of its.
Event state_change(Event::Kind kind, std::uint32_t owner, std::uint8_t state, const Error* why);

// Takes events under the Driver's lock: it copies and returns, and calls nothing of the Driver.
class EventSink {
 public:
  EventSink() = default;
  virtual ~EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;

  // False leaves what is there for the next turn.
  virtual bool has_room() const = 0;
  virtual void on_event(const Event& event) = 0;
};

}  // namespace ipcbridge
