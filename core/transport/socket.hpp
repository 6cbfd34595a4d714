#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "core/base/bytes.hpp"
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

// The process at the other end, when it connected or began to listen, as the kernel says and not it itself.
Result<LocalPeer> local_peer(int fd);

// Whether the other end has been closed, whatever lies unread.
bool is_hung_up(System& system, int socket);

// Two that are connected with each other. resource_exhausted when there are none.
Result<std::pair<Fd, Fd>> connected_pair(System& system);

inline constexpr std::size_t kMaxSentParts = 8;

// Sends what there is room for, without waiting, and passes the descriptor, if it is one, with the first byte. The
// number of bytes; or -1 and errno, EAGAIN when there is no room. Nobody gets a SIGPIPE.
ssize_t send_parts(System& system, int socket, std::span<const ConstBytes> parts, int passed = -1);

// Whether errno says that a descriptor was not passed on: this user has too many under way.
bool is_descriptor_refused(int error);

struct Received {
  ssize_t bytes = -1;    // -1 and errno where nothing can be received, EAGAIN when nothing has come
  Fd fd;                 // the first descriptor that came along; the others are discarded
  bool lost_fd = false;  // one came that this process had no number left for
};

// Receives what is there, without waiting: into the one, and when that is full into the other.
Received receive(System& system, int socket, std::span<std::byte> into, std::span<std::byte> then = {});

// Closes a descriptor that a peer passed. It may be a socket with SO_LINGER and data that its other end does not take:
// a plain close() would block for as long as the peer likes.
void discard(Fd fd);

// Closes a connection to a peer. Descriptors that lie in it unread would be closed with it, in the same call: they are
// received and discarded first.
void hang_up(System& system, Fd socket);

}  // namespace ipcbridge
