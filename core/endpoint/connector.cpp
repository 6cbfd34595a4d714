#include "core/endpoint/connector.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/channel/socket.hpp"
#include "core/channel/unix_channel.hpp"
#include "core/endpoint/inproc_hub.hpp"

namespace ipcbridge {
namespace {

// SO_PEERCRED knows one group of the peer's; the others are in the group database.
bool is_member(const PeerIdentity& peer, gid_t group) {
  if (peer.gid == group) return true;
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(peer.uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return false;
  std::vector<gid_t> groups(256);
  int count = static_cast<int>(groups.size());
  if (::getgrouplist(found->pw_name, peer.gid, groups.data(), &count) < 0) count = static_cast<int>(groups.size());
  return std::find(groups.begin(), groups.begin() + count, group) != groups.begin() + count;
}

}  // namespace

Status check_peer(const PeerIdentity& peer, const AllowList& allow) {
  if (peer.uid == ::geteuid() || peer.uid == 0) return {};
  if (std::find(allow.uids.begin(), allow.uids.end(), peer.uid) != allow.uids.end()) return {};
  if (std::any_of(allow.gids.begin(), allow.gids.end(), [&](gid_t group) { return is_member(peer, group); })) return {};
  return Error{Code::kPermissionDenied,
               "user " + std::to_string(peer.uid) + " is not allowed here (see the option allow)"};
}

Result<std::unique_ptr<Channel>> open_channel(System& system, const Address& address, const AllowList& allow) {
  if (address.transport == Transport::kInproc) return InprocHub::connect(system, address.path);
  Result<Fd> socket = connect_unix(system, address.path);
  if (!socket.ok()) return socket.error();
  Result<PeerIdentity> peer = peer_identity(socket.value().get());
  if (!peer.ok()) return peer.error();
  if (Status status = check_peer(peer.value(), allow); !status.ok()) {
    return Error{status.error().code,
                 "the service at " + address.text + " runs as another user: " + status.error().message};
  }
  return std::unique_ptr<Channel>(std::make_unique<UnixChannel>(system, std::move(socket).value(), peer.value()));
}

}  // namespace ipcbridge
