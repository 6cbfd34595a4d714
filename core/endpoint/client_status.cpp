#include "core/endpoint/client_status.hpp"

#include <algorithm>
#include <utility>

namespace ipcbridge {

void StreamStatus::add(const StreamActivity& activity, TimePoint now) {
  open += activity.open;
  stalled += activity.stalled;
  awaited += activity.awaited;
  if (activity.stalled_since < now) stalled_for = std::max(stalled_for, now - activity.stalled_since);
}

void StreamStatus::add(const StreamStatus& other) {
  open += other.open;
  stalled += other.stalled;
  awaited += other.awaited;
  stalled_for = std::max(stalled_for, other.stalled_for);
}

void ClientStatus::add_address(const std::string& text) {
  if (!address.empty()) address += ", ";
  address += text;
}

void ClientStatus::add(LinkStatus link) {
  if (transport.empty()) {
    transport = link.transport;
    fallback_reason = link.fallback_reason;
    peer = link.peer;
  }
  unread_bytes += link.unread_bytes;
  streams.add(link.streams);
  running_calls += link.running_calls;
  if (link.busy && (!busy || link.busy->time > busy->time)) busy = link.busy;
  links.push_back(std::move(link));
}

ClientStatus ClientStatus::closed(const std::vector<std::string>& addresses) {
  ClientStatus status;
  status.state = ClientState::kClosed;
  for (const std::string& address : addresses) {
    status.add_address(address);
    LinkStatus link;
    link.address = address;
    link.state = ClientState::kClosed;
    status.add(std::move(link));
  }
  return status;
}

}  // namespace ipcbridge
