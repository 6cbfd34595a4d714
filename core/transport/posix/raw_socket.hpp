#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <array>

#include "core/base/fd.hpp"
#include "core/base/system.hpp"

namespace ipcbridge::raw_socket {

// What POSIX systems do each in a way of its own with Unix stream sockets. All report as system calls do, by errno.

// Non-blocking, and closed in programs that are started: as the sockets of all of these.
Fd open(System& system);
int open_pair(System& system, std::array<int, 2>& ends);
Fd accept(System& system, int listener);

// Before it is bound: the mode that its file is to begin with, where the system lets it.
int set_mode(int socket, mode_t mode);

// Without waiting, and without a SIGPIPE.
ssize_t send(System& system, int socket, const msghdr& message);
// Without waiting. Descriptors that come along are closed in programs that are started.
ssize_t receive(System& system, int socket, msghdr& message);

}  // namespace ipcbridge::raw_socket
