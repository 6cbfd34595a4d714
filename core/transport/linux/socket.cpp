#include "core/transport/socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include "core/base/linux/linux_calls.hpp"
#include "core/base/linux/poll_until.hpp"
#include "core/transport/posix/raw_socket.hpp"
#include "core/transport/posix/receive.hpp"

// Linux 4.13; older headers do not have it.
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

namespace ipcbridge {
namespace raw_socket {

constexpr int kType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

Fd open(System& system) { return Fd(system.calls().socket(AF_UNIX, kType, 0)); }

int open_pair(System& system, std::array<int, 2>& ends) {
  return system.calls().socketpair(AF_UNIX, kType, 0, ends.data());
}

Fd accept(System& system, int listener) {
  return Fd(linux_calls(system).accept4(listener, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

// The mode of the socket's inode becomes that of the file, so that it never exists with another.
int set_mode(int socket, mode_t mode) { return ::fchmod(socket, mode); }

ssize_t send(System& system, int socket, const msghdr& message) {
  return system.calls().sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t receive(System& system, int socket, msghdr& message) {
  return system.calls().recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
}

}  // namespace raw_socket

namespace {

// Asked of the kernel alone: a look-up in the group database may wait for a network, with the Driver's lock held.
std::vector<gid_t> peer_groups(int fd) {
  socklen_t size = 0;
  // Fails for want of room, and says how much it wants.
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, nullptr, &size) == 0 || errno != ERANGE) return {};
  std::vector<gid_t> groups(size / sizeof(gid_t));
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) return {};
  return groups;
}

}  // namespace

Received receive(System& system, int socket, std::span<std::byte> into, std::span<std::byte> then) {
  constexpr std::size_t kMaxPassed = 253;  // SCM_MAX_FD: no message carries more
  return raw_socket::receive_with_room<kMaxPassed>(system, socket, into, then);
}

Result<LocalPeer> local_peer(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return Error{Code::kInternal, std::string("cannot tell who the peer is: ") + std::strerror(errno)};
  }
  return LocalPeer{credentials.pid, credentials.uid, credentials.gid, peer_groups(fd)};
}

bool is_hung_up(System& system, int socket) {
  pollfd look{socket, POLLRDHUP, 0};
  return poll_until(system, std::span(&look, 1), system.now()) && (look.revents & (POLLRDHUP | POLLHUP)) != 0;
}

}  // namespace ipcbridge
