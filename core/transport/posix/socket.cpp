#include "core/transport/socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "core/base/posix/system_calls.hpp"
#include "core/base/process_identity.hpp"
#include "core/naming/address.hpp"
#include "core/transport/posix/raw_socket.hpp"

namespace ipcbridge {
namespace {

constexpr int kBacklog = 1024;

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
    return Error{Code::kInvalidArgument,
                 "the socket path is longer than " + std::to_string(kMaxSocketPath) + " bytes: " + path};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// Room in a message for one descriptor.
struct alignas(cmsghdr) DescriptorRoom {
  std::array<std::byte, CMSG_SPACE(sizeof(int))> bytes{};
};

void attach_descriptor(msghdr& message, DescriptorRoom& room, int fd) {
  message.msg_control = room.bytes.data();
  message.msg_controllen = room.bytes.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
}

}  // namespace

Result<Fd> listen_unix(System& system, const std::string& path, mode_t mode) {
  Result<sockaddr_un> address = socket_address(path);
  if (!address.ok()) return address.error();
  Fd fd = raw_socket::open(system);
  if (!fd.valid()) return socket_error("cannot create a socket");
  if (raw_socket::set_mode(fd.get(), mode) != 0) return socket_error("cannot set the mode of a socket");
  const auto* raw = reinterpret_cast<const sockaddr*>(&address.value());
  if (system.calls().bind(fd.get(), raw, sizeof(sockaddr_un)) != 0) return socket_error("cannot bind " + path);
  if (::chmod(path.c_str(), mode) != 0 || system.calls().listen(fd.get(), kBacklog) != 0) {
    const Error error = socket_error("cannot listen on " + path);
    ::unlink(path.c_str());
    return error;
  }
  return fd;
}

Result<Fd> connect_unix(System& system, const std::string& path) {
  Result<sockaddr_un> address = socket_address(path);
  if (!address.ok()) return address.error();
  Fd fd = raw_socket::open(system);
  if (!fd.valid()) return socket_error("cannot create a socket");
  const auto* raw = reinterpret_cast<const sockaddr*>(&address.value());
  if (system.calls().connect(fd.get(), raw, sizeof(sockaddr_un)) != 0) return socket_error("cannot connect to " + path);
  return fd;
}

Status check_abandoned(System& system, const std::string& path) {
  Result<sockaddr_un> address = socket_address(path);
  if (!address.ok()) return address.error();
  Fd fd = raw_socket::open(system);
  if (!fd.valid()) return socket_error("cannot create a socket");
  const auto* raw = reinterpret_cast<const sockaddr*>(&address.value());
  if (system.calls().connect(fd.get(), raw, sizeof(sockaddr_un)) == 0) {
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
  Fd fd = raw_socket::accept(system, listener);
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
    Fd waiting = raw_socket::accept(system, listener.get());
    if (!waiting.valid()) return;
    hang_up(system, std::move(waiting));
  }
}

Result<std::pair<Fd, Fd>> connected_pair(System& system) {
  std::array<int, 2> ends{-1, -1};
  if (raw_socket::open_pair(system, ends) != 0) {
    return Error{Code::kResourceExhausted, std::string("cannot create a pair of sockets: ") + std::strerror(errno)};
  }
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

ssize_t send_parts(System& system, int socket, std::span<const ConstBytes> parts, int passed) {
  std::array<iovec, kMaxSentParts> vectors{};
  std::size_t count = 0;
  for (const ConstBytes part : parts) {
    if (!part.empty()) vectors.at(count++) = {const_cast<std::byte*>(part.data()), part.size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  DescriptorRoom room;
  if (passed >= 0) attach_descriptor(message, room, passed);
  return raw_socket::send(system, socket, message);
}

bool is_descriptor_refused(int error) { return error == ETOOMANYREFS; }

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
