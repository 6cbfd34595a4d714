#include "core/transport/connector.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/transport/inproc_hub.hpp"
#include "core/transport/socket.hpp"
#include "core/transport/unix_channel.hpp"

namespace ipcbridge {
namespace {

// Asked of the kernel alone: a look-up in the group database may wait for a network, with the Driver's lock held.
bool is_in_any(int socket, const PeerIdentity& peer, const std::vector<gid_t>& allowed) {
  if (allowed.empty()) return false;
  std::vector<gid_t> groups = peer_groups(socket);
  groups.push_back(peer.gid);
  return std::find_first_of(groups.begin(), groups.end(), allowed.begin(), allowed.end()) != groups.end();
}

}  // namespace

Status check_peer(int socket, const PeerIdentity& peer, const AllowList& allow) {
  if (peer.uid == ::geteuid() || peer.uid == 0) return {};
  if (std::find(allow.uids.begin(), allow.uids.end(), peer.uid) != allow.uids.end()) return {};
  if (is_in_any(socket, peer, allow.gids)) return {};
  return Error{Code::kPermissionDenied,
               "user " + std::to_string(peer.uid) + " is not allowed here (see the option allow)"};
}

Result<std::unique_ptr<Channel>> open_channel(System& system, const Address& address, const AllowList& allow) {
  if (address.transport == Transport::kInproc) return InprocHub::connect(system, address.path);
  Result<Fd> socket = connect_unix(system, address.path);
  if (!socket.ok()) return socket.error();
  Result<PeerIdentity> peer = peer_identity(socket.value().get());
  if (!peer.ok()) return peer.error();
  if (Status status = check_peer(socket.value().get(), peer.value(), allow); !status.ok()) {
    return Error{status.error().code,
                 "the service at " + address.text + " runs as another user: " + status.error().message};
  }
  return std::unique_ptr<Channel>(std::make_unique<UnixChannel>(system, std::move(socket).value(), peer.value()));
}

}  // namespace ipcbridge
