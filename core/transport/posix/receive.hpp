#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

#include "core/transport/posix/raw_socket.hpp"
#include "core/transport/socket.hpp"

namespace ipcbridge::raw_socket {

// Room for `most` descriptors, which has to be room for all: the kernel itself closes, within recvmsg, those that find
// none.
template <std::size_t most>
Received receive_with_room(System& system, int socket, std::span<std::byte> into, std::span<std::byte> then = {}) {
  std::array<iovec, 2> vectors{iovec{into.data(), into.size()}, iovec{then.data(), then.size()}};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(most * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = then.empty() ? 1 : 2;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  Received received;
  received.bytes = receive(system, socket, message);
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

}  // namespace ipcbridge::raw_socket
