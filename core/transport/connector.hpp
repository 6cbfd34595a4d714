#pragma once

#include <memory>

#include "core/base/result.hpp"
#include "core/base/system.hpp"
#include "core/naming/address.hpp"
#include "core/transport/allow_list.hpp"
#include "core/transport/channel.hpp"

namespace ipcbridge {

// A fresh channel to whoever listens at the address, before any handshake. permission_denied when the
// listener belongs to a user who is not allowed; else as connect_unix().
Result<std::unique_ptr<Channel>> open_channel(System& system, const Address& address, const AllowList& allow);

// Whether this process talks to the peer at the other end of the socket: its own user, root, a user whom the list
// names, or a process in a group that the list names. Root and own always, because either could read this process's
// memory anyway.
Status check_peer(int socket, const PeerIdentity& peer, const AllowList& allow);

}  // namespace ipcbridge
