#include "core/transport/admission.hpp"

#include <algorithm>
#include <utility>

#include "core/base/process_identity.hpp"

namespace ipcbridge {
namespace {

// A visitor made of one function for each kind.
template <typename... Functions>
struct ForEachKind : Functions... {
  using Functions::operator()...;
};
template <typename... Functions>
ForEachKind(Functions...) -> ForEachKind<Functions...>;

bool contains(const std::vector<gid_t>& ids, gid_t id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); }

}  // namespace

QuotaHolder quota_holder(const Principal& peer) {
  return std::visit(ForEachKind{
                        [](const LocalPeer& local) -> QuotaHolder { return local.uid; },
                        [](const NetworkPeer& remote) -> QuotaHolder {
                          return remote.name.empty() ? "the host " + remote.host : remote.name;
                        },
                    },
                    peer);
}

std::string describe(const QuotaHolder& holder) {
  return std::visit(ForEachKind{
                        [](uid_t uid) { return "user " + std::to_string(uid); },
                        [](const std::string& name) { return name; },
                    },
                    holder);
}

std::string describe(const Principal& peer) {
  return std::visit(ForEachKind{
                        [](const LocalPeer& local) { return describe_peer(local.pid); },
                        [](const NetworkPeer& remote) { return remote.host; },
                    },
                    peer);
}

Admission::Admission(const KnownIds& ids, AllowList allow) : ids_(ids), allow_(std::move(allow)) {}

Status Admission::admit(const Principal& peer) const {
  return std::visit(ForEachKind{
                        [this](const LocalPeer& local) { return admit_local(local); },
                        [](const NetworkPeer& remote) { return admit_network(remote); },
                    },
                    peer);
}

bool Admission::is_owner(const Principal& peer) const {
  return std::visit(ForEachKind{
                        [this](const LocalPeer& local) { return is_owner_local(local); },
                        [](const NetworkPeer&) { return false; },
                    },
                    peer);
}

Status Admission::admit_local(const LocalPeer& peer) const {
  if (is_owner_local(peer)) return {};
  if (!ids_.is_user(peer.uid) && !is_in_allowed_group(peer)) {
    return Error{Code::kPermissionDenied,
                 "the peer's user is not known in this process's user namespace, which shows it as " +
                     std::to_string(peer.uid) +
                     ": run both sides in one namespace, or map the user in it (as in unshare --map-current-user)"};
  }
  if (ids_.is_user(peer.uid) && contains(allow_.uids, peer.uid)) return {};
  if (is_in_allowed_group(peer)) return {};
  return Error{Code::kPermissionDenied,
               "user " + std::to_string(peer.uid) + " is not allowed here (see the option allow)"};
}

Status Admission::admit_network(const NetworkPeer& peer) {
  if (!peer.name.empty()) return {};
  return Error{Code::kPermissionDenied, peer.host + " has not proved who it is"};
}

bool Admission::is_owner_local(const LocalPeer& peer) const {
  return ids_.is_user(peer.uid) && (peer.uid == effective_user() || peer.uid == 0);
}

bool Admission::is_in_allowed_group(const LocalPeer& peer) const {
  return std::any_of(allow_.gids.begin(), allow_.gids.end(), [&](gid_t allowed) {
    return ids_.is_group(allowed) && (peer.gid == allowed || contains(peer.groups, allowed));
  });
}

}  // namespace ipcbridge
