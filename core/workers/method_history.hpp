#pragma once

#include <cstdint>
#include <vector>

#include "core/endpoint/events.hpp"

namespace ipcbridge {

// How slow the methods of servers have been. Of few servers, so that a look through them is quick.
class MethodHistory {
 public:
  // A call has ended. Without memory for it nothing is learnt of the method.
  void note(ServerId server, std::uint32_t method, bool slow);
  bool is_slow(ServerId server, std::uint32_t method) const;
  // The server is closed for good.
  void forget(ServerId server);

 private:
  struct Server {
    ServerId id = 0;
    std::vector<std::uint8_t> slowness;  // by the methods' numbers
  };

  std::uint8_t* slowness_of(ServerId server, std::uint32_t method);

  std::vector<Server> servers_;
};

}  // namespace ipcbridge
