#pragma once

#include <sys/types.h>

#include <string>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"
#include "core/channel/channel.hpp"

namespace ipcbridge {

// Non-blocking, close-on-exec Unix stream sockets in the file system.

// sun_path holds 107 bytes and a terminator.
inline constexpr std::size_t kMaxSocketPath = 107;

// Binds and listens. The file must not exist; it gets `mode`.
Result<Fd> listen_unix(System& system, const std::string& path, mode_t mode);

// unavailable when nobody listens there (no file, refused, or a full backlog), permission_denied when the
// file may not be opened, resource_exhausted when this process is out of descriptors.
Result<Fd> connect_unix(System& system, const std::string& path);

// An invalid Fd when nobody waits. resource_exhausted when this process is out of descriptors.
Result<Fd> accept_unix(System& system, int listener);

Result<PeerIdentity> peer_identity(int fd);

}  // namespace ipcbridge
