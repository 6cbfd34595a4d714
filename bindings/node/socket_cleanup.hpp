#pragma once

#include <cstdint>
#include <string>

namespace ipcbridge::node {

// Removes the files of listening sockets when SIGTERM, SIGINT or SIGHUP ends the process: by a signal handler that does
// only that and then lets the signal do what it does otherwise, so that it works while the event loop is blocked. As
// the first process of a PID namespace (a container), which the kernel keeps from ending by a signal without a handler,
// the process exits with 128 + the signal's number. The handler is there while a socket is registered, by whichever
// thread, and only where the program has none of its own.
class SocketCleanup {
 public:
  SocketCleanup() = default;
  ~SocketCleanup();
  SocketCleanup(const SocketCleanup&) = delete;
  SocketCleanup& operator=(const SocketCleanup&) = delete;

  // The socket of a server, which is at the path now.
  void add(std::uint32_t server, const std::string& path);

  // It has been closed.
  void forget(std::uint32_t server);

  // The process is about to exit by itself: removes the socket now.
  void remove(std::uint32_t server) const;
};

}  // namespace ipcbridge::node
