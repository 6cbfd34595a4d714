#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/clock.hpp"
#include "core/endpoint/events.hpp"
#include "core/endpoint/peer_activity.hpp"
#include "core/rpc/stream.hpp"
#include "core/transport/principal.hpp"

namespace ipcbridge {

// What the open streams of a connection wait for, or of several.
struct StreamStatus {
  std::uint64_t open = 0;     // of either side
  std::uint64_t stalled = 0;  // of this side, until the other reads
  Duration stalled_for{};     // the longest of them
  std::uint64_t awaited = 0;  // of the other side: the reader has taken what has come

  void add(const StreamActivity& activity, TimePoint now);
  void add(const StreamStatus& other);
};

// One address that a client looks for its service at, and who is there. Those who share an address have one each, whose
// address ends in "@" and their number.
struct LinkStatus {
  std::string address;
  ClientState state = ClientState::kConnecting;
  std::string transport;          // "shm", "unix", "inproc"; empty while there is no connection
  std::string fallback_reason;    // why shared memory is not used, where it might have been
  std::optional<Principal> peer;  // while there is a connection
  // Over shared memory, where the service need not answer to be seen:
  std::uint64_t unread_bytes = 0;  // sent, not read by it
  std::optional<PeerActivity> busy;
  StreamStatus streams;
  std::uint64_t running_calls = 0;  // of the service, to references and methods of this side; not answered

  // The peer, if it is a process of this machine.
  const LocalPeer* local_peer() const { return peer ? std::get_if<LocalPeer>(&*peer) : nullptr; }
};

// A client's addresses together: transport and peer of the first that is connected, the unread bytes of all, and the
// service that has been busy for longest.
struct ClientStatus : LinkStatus {
  std::uint64_t pending_calls = 0;  // sent, not answered
  std::uint64_t queued_calls = 0;   // wait on this side
  std::uint64_t queued_bytes = 0;
  // Since the client was made: the queue was full, or there was no connection and they were not to wait for one.
  std::uint64_t dropped_notifications = 0;
  std::vector<LinkStatus> links;  // in the order of the list, and behind it those who share addresses of it

  void add_address(const std::string& text);
  void add(LinkStatus link);
  // Of a client that has gone.
  static ClientStatus closed(const std::vector<std::string>& addresses);
};

}  // namespace ipcbridge
