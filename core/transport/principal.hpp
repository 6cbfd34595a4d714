#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace ipcbridge {

// A process of this machine, as the kernel says, not as it says itself.
struct LocalPeer {
  pid_t pid = 0;  // 0: of a PID namespace that this process does not see into
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups = {};  // supplementary; none where the kernel does not tell
};

// Somebody at the other end of a network. Its uid, if it has one, means nothing here.
struct NetworkPeer {
  std::string host;
  std::uint16_t port = 0;
  std::string name = {};  // that of its certificate or token; empty: it has proved nothing
};

// Who is at the other end. What each kind may do says class Admission.
using Principal = std::variant<LocalPeer, NetworkPeer>;

}  // namespace ipcbridge
