#include "core/transport/socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "core/base/poll.hpp"
#include "core/base/process_identity.hpp"
#include "core/naming/address.hpp"

// Linux 4.13; older headers do not have it.
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

namespace ipcbridge {
namespace {

constexpr int kSocketType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
constexpr int kBacklog = 1024;
constexpr std::size_t kMaxPassedFds = 253;  // SCM_MAX_FD of Linux: no message carries more

Code code_of(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:
      return Code::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::kPermissionDenied;
    case EADDRINUSE:
      return Code::kAlreadyExists;
    case ENOENT:
    case ECONNREFUSED:
    case EAGAIN:
      return Code::kUnavailable;
    default:
      return Code::kInternal;
  }
}

Error socket_error(const std::string& what) {
  const int error = errno;
  return {code_of(error), what + ": " + std::strerror(error)};
}

Result<sockaddr_un> socket_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() > kMaxSocketPath) {
    return Error{Code::kInvalidArgument, "the socket path is longer than 107 bytes: " + path};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

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

Result<Fd> listen_unix(System& system, const std::string& path, mode_t mode) {
  Result<sockaddr_un> address = socket_address(path);
  if (!address.ok()) return address.error();
  Fd fd(system.socket(AF_UNIX, kSocketType, 0));
  if (!fd.valid()) return socket_error("cannot create a socket");
  // On Linux the mode of the socket's inode becomes that of the file, so that it never exists with another.
  if (::fchmod(fd.get(), mode) != 0) return socket_error("cannot set the mode of a socket");
  const auto* raw = reinterpret_cast<const sockaddr*>(&address.value());
  if (system.bind(fd.get(), raw, sizeof(sockaddr_un)) != 0) return socket_error("cannot bind " + path);
  if (::chmod(path.c_str(), mode) != 0 || system.listen(fd.get(), kBacklog) != 0) {
    const Error error = socket_error("cannot listen on " + path);
    ::unlink(path.c_str());
    return error;
  }
  return fd;
}

Result<Fd> connect_unix(System& system, const std::string& path) {
  Result<sockaddr_un> address = socket_address(path);
  if (!address.ok()) return address.error();
  Fd fd(system.socket(AF_UNIX, kSocketType, 0));
  if (!fd.valid()) return socket_error("cannot create a socket");
  const auto* raw = reinterpret_cast<const sockaddr*>(&address.value());
  if (system.connect(fd.get(), raw, sizeof(sockaddr_un)) != 0) return socket_error("cannot connect to " + path);
  return fd;
}

Status check_abandoned(System& system, const std::string& path) {
  Result<sockaddr_un> address = socket_address(path);
  if (!address.ok()) return address.error();
  Fd fd(system.socket(AF_UNIX, kSocketType, 0));
  if (!fd.valid()) return socket_error("cannot create a socket");
  const auto* raw = reinterpret_cast<const sockaddr*>(&address.value());
  if (system.connect(fd.get(), raw, sizeof(sockaddr_un)) == 0) {
    const Result<LocalPeer> listener = local_peer(fd.get());
    hang_up(system, std::move(fd));
    const std::string who = listener.ok() ? describe_peer(listener.value().pid) : "a process";
    return Error{Code::kAlreadyExists, who + " already listens at " + path};
  }
  if (errno == ECONNREFUSED || errno == ENOENT) return {};
  if (errno == EAGAIN || errno == EPROTOTYPE) {  // a full backlog, or a socket of another type
    return Error{Code::kAlreadyExists, "a process already listens at " + path};
  }
  return socket_error("cannot tell whether somebody listens at " + path);
}

Result<Fd> accept_unix(System& system, int listener) {
  Fd fd(system.accept4(listener, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd.valid()) return fd;
  const int error = errno;
  if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
    return Error{Code::kResourceExhausted, std::string("cannot accept a connection: ") + std::strerror(error)};
  }
  return Fd();  // EAGAIN, or a client that has gone again (ECONNABORTED)
}

void stop_listening_unix(System& system, Fd listener) {
  if (!listener.valid()) return;
  ::shutdown(listener.get(), SHUT_RDWR);  // nobody joins those that wait
  for (int i = 0; i <= kBacklog; ++i) {
    Fd waiting(system.accept4(listener.get(), SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!waiting.valid()) return;
    hang_up(system, std::move(waiting));
  }
}

Result<LocalPeer> local_peer(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return socket_error("cannot tell who the peer is");
  }
  return LocalPeer{credentials.pid, credentials.uid, credentials.gid, peer_groups(fd)};
}

bool is_hung_up(System& system, int socket) {
  pollfd look{socket, POLLRDHUP, 0};
  return poll_until(system, std::span(&look, 1), system.now()) && (look.revents & (POLLRDHUP | POLLHUP)) != 0;
}

void attach_descriptor(msghdr& message, DescriptorRoom& room, int fd) {
  message.msg_control = room.bytes.data();
  message.msg_controllen = room.bytes.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
}

Received receive(System& system, int socket, std::span<std::byte> into) {
  iovec vector{into.data(), into.size()};
  // Room for all: the kernel itself closes, within recvmsg, the descriptors that find none.
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMaxPassedFds * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  Received received;
  received.bytes = system.recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (received.bytes < 0) return received;
  received.lost_fd = (message.msg_flags & MSG_CTRUNC) != 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      Fd arrived(fd);
      if (received.fd.valid()) {
        discard(std::move(arrived));
      } else {
        received.fd = std::move(arrived);
      }
    }
  }
  return received;
}

void discard(Fd fd) {
  if (!fd.valid()) return;
  const linger off{};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &off, sizeof off);  // fails for what is no socket
}

void hang_up(System& system, Fd socket) {
  if (!socket.valid()) return;
  ::shutdown(socket.get(), SHUT_RDWR);  // what is unread comes to an end
  std::array<std::byte, 16UL * 1024> unread{};
  for (;;) {
    Received received = receive(system, socket.get(), unread);
    if (received.bytes <= 0) return;
    discard(std::move(received.fd));
  }
}

}  // namespace ipcbridge
