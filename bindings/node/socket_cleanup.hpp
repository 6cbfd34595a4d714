#pragma once

#include <string>

namespace ipcbridge::node {

// Removes the files of listening sockets when SIGTERM, SIGINT or SIGHUP ends the process: a signal handler that does
// only that and then lets the signal do what it does otherwise, so that it works while the event loop is blocked. As
// the first process of a PID namespace (a container), which the kernel keeps from ending by a signal without a handler,
// the process exits with 128 + the signal's number. The handler is there while a socket is registered, and only where
// the program has none of its own.
void remove_on_signal(const std::string& path);

// The process is about to exit by itself: removes the socket now.
void remove_registered(const std::string& path);

// The socket has been closed.
void keep_on_signal(const std::string& path);

}  // namespace ipcbridge::node
