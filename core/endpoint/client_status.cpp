#include "core/endpoint/client_status.hpp"

#include <utility>

namespace ipcbridge {

void ClientStatus::add(LinkStatus link) {
  if (!links.empty()) address += ", ";
  address += link.address;
  if (transport.empty()) {
    transport = link.transport;
    fallback_reason = link.fallback_reason;
    peer = link.peer;
  }
  unread_bytes += link.unread_bytes;
  if (link.busy && (!busy || link.busy->time > busy->time)) busy = link.busy;
  links.push_back(std::move(link));
}

ClientStatus ClientStatus::closed(const std::vector<std::string>& addresses) {
  ClientStatus status;
  status.state = ClientState::kClosed;
  for (const std::string& address : addresses) {
    LinkStatus link;
    link.address = address;
    link.state = ClientState::kClosed;
    status.add(std::move(link));
  }
  return status;
}

}  // namespace ipcbridge
