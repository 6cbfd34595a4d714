#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"
#include "core/transport/principal.hpp"

namespace ipcbridge {

// Non-blocking, close-on-exec Unix stream sockets in the file system.

// Binds and listens. The file must not exist; it gets `mode`.
Result<Fd> listen_unix(System& system, const std::string& path, mode_t mode);

// unavailable when nobody listens there (no file, refused, or a full backlog), permission_denied when the
// file may not be opened, resource_exhausted when this process is out of descriptors.
Result<Fd> connect_unix(System& system, const std::string& path);

// Whether the socket of that path is what a dead process left behind: already_exists when somebody listens.
Status check_abandoned(System& system, const std::string& path);

// An invalid Fd when nobody waits. resource_exhausted when this process is out of descriptors.
Result<Fd> accept_unix(System& system, int listener);

// Closes a listening socket. Those that nobody accepted would be closed with it, in the same call, and with them what
// they passed (see discard()): they are accepted and hung up on first.
void stop_listening_unix(System& system, Fd listener);

// The process at the other end, when it connected or began to listen, as the kernel says.
Result<LocalPeer> local_peer(int fd);

// Whether the other end has been closed, whatever lies unread.
bool is_hung_up(System& system, int socket);

// Room in a message for one descriptor.
struct alignas(cmsghdr) DescriptorRoom {
  std::array<std::byte, CMSG_SPACE(sizeof(int))> bytes{};
};
// The message passes it (SCM_RIGHTS); the room has to live until that is sent.
void attach_descriptor(msghdr& message, DescriptorRoom& room, int fd);

struct Received {
  ssize_t bytes = -1;    // as recvmsg says, errno included
  Fd fd;                 // the first descriptor that came along; the others are discarded
  bool lost_fd = false;  // one came that this process had no number left for
};

// Receives what is there, without waiting.
Received receive(System& system, int socket, std::span<std::byte> into);

// Closes a descriptor that a peer passed. It may be a socket with SO_LINGER and data that its other end does not take:
// a plain close() would block for as long as the peer likes.
void discard(Fd fd);

// Closes a connection to a peer. Descriptors that lie in it unread would be closed with it, in the same call: they are
// received and discarded first.
void hang_up(System& system, Fd socket);

}  // namespace ipcbridge
