#pragma once

#include "core/base/system.hpp"

namespace ipcbridge {

// A service that this process offers, or is about to, as whoever has started the process is told of it: the service
// manager that reads the socket named by NOTIFY_SOCKET (systemd's protocol, sd_notify(3)). READY=1 is sent when the
// first one listens, STOPPING=1 when the last one goes. Nothing is sent where the variable is not set, and what cannot
// be sent is lost: nobody waits for a service manager. Any thread.
class OpenService {
 public:
  explicit OpenService(System& system);
  ~OpenService();
  OpenService(const OpenService&) = delete;
  OpenService& operator=(const OpenService&) = delete;

  void note_listening();

 private:
  System& system_;
};

}  // namespace ipcbridge
