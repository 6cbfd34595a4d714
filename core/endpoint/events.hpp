#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <variant>

#include <ipcbridge/code.hpp>

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/rpc/message.hpp"
#include "core/rpc/stream.hpp"

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
  kDisconnected,  // nobody was found, or a lazy one has not been called; the next call looks
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

// What a Driver tells its consumer: a type for each kind of event. Views are valid during EventSink::on_event only; a
// `storage` that is not null holds their bytes and may be moved from.

// A call has ended.
struct OutcomeEvent {
  ClientId client = 0;
  std::uint64_t token = 0;  // what the caller gave to Driver::call
  Outcome outcome;
  MessageStorage* storage = nullptr;
  std::uint64_t connection = 0;  // that it came over, where it carries streams
};

// There may be room for a call for which Driver::call had none.
struct RoomEvent {
  ClientId client = 0;
};

struct InboundCallEvent {
  ServerId server = 0;
  RequestKey key;
  Request request;
  MessageStorage* storage = nullptr;
  TimePoint received{};  // when it was read, if it has a timeout
};

// The caller of a request waits no longer.
struct CancelEvent {
  ServerId server = 0;
  RequestKey key;
};

// A connection has ended, and left notifications that are still to be run.
struct OrphansEvent {
  ServerId server = 0;
  std::uint64_t connection = 0;
};

// A stream on a connection, of either side: their ids are those of calls.
using StreamKey = RequestKey;

// The streams that a reply has opened: the key of the first, and what may be sent of each of them. Where that is
// nothing yet, stream_room() has it told.
struct OpenedStreams {
  StreamKey first;
  StreamRoom room;
};

// The streams among a call's arguments may begin: so many, the first of which has this key. It comes before the
// outcome, if at all.
struct StreamsOpenEvent {
  ClientId client = 0;
  std::uint64_t token = 0;
  StreamKey first;
  std::uint32_t count = 0;
};

// There is room for items of a stream of this side that had none.
struct StreamRoomEvent {
  StreamKey stream;
};

// Nobody reads a stream of this side any more.
struct StreamCancelEvent {
  StreamKey stream;
};

// Items of a stream of the peer's: each value with its size, a u32, before it.
struct StreamItemsEvent {
  StreamKey stream;
  std::uint32_t count = 0;
  ConstBytes items;
  MessageStorage* storage = nullptr;

  // What they are, as the window counts.
  std::uint64_t window_bytes() const {
    return kItemsPrefixBytes + items.size() + (storage == nullptr ? 0 : total_bytes(storage->attachments));
  }
};

// A stream of the peer's is over: nothing follows. An error says why.
struct StreamEndEvent {
  StreamKey stream;
  Outcome outcome;
  MessageStorage* storage = nullptr;
};

// A retained reference of this side's has come back from one that had it: it may be that nobody has it any more
// (Driver::shares_reference).
struct ReferenceReleasedEvent {
  std::uint64_t reference = 0;
};

struct ClientStateEvent {
  ClientId client = 0;
  ClientState state = ClientState::kConnecting;
  Code code = Code::kOk;  // why; kOk when there is nothing to say
  std::string_view message;
};

struct ServerStateEvent {
  ServerId server = 0;
  ServerState state = ServerState::kStarting;
  Code code = Code::kOk;
  std::string_view message;
};

// Their order is that of the numbers in a batch (event_batch.hpp), except for the last, which has no place there.
using Event = std::variant<OutcomeEvent, InboundCallEvent, CancelEvent, ClientStateEvent, ServerStateEvent, RoomEvent,
                           StreamsOpenEvent, StreamRoomEvent, StreamCancelEvent, StreamItemsEvent, StreamEndEvent,
                           ReferenceReleasedEvent, OrphansEvent>;

// Takes events under the Driver's lock: it copies and returns, and calls nothing of the Driver.
class EventSink {
 public:
  EventSink() = default;
  virtual ~EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;

  // How many events it takes. None: what is there is left for the next run.
  static constexpr std::size_t kAnyNumber = SIZE_MAX;
  virtual std::size_t room() const = 0;
  bool has_room() const { return room() > 0; }
  virtual void on_event(const Event& event) = 0;
};

}  // namespace ipcbridge
