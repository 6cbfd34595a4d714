#pragma once

#include <cstdint>
#include <set>

namespace ipcbridge::node {

// Removes the files of listening sockets when SIGTERM, SIGINT or SIGHUP ends the process: by a signal handler that does
// only that and then lets the signal do what it does otherwise, so that it works while the event loop is blocked. As
// the first process of a PID namespace (a container), which the kernel keeps from ending by a signal without a handler,
// the process exits with 128 + the signal's number. The handler is there while a server listens, on whichever thread,
// and only where the program has none of its own.
class SocketCleanup {
 public:
  SocketCleanup() = default;
  ~SocketCleanup();
  SocketCleanup(const SocketCleanup&) = delete;
  SocketCleanup& operator=(const SocketCleanup&) = delete;

  // A server listens, or does not any more.
  void add(std::uint32_t server);
  void forget(std::uint32_t server);

 private:
  std::set<std::uint32_t> servers_;
};

}  // namespace ipcbridge::node
