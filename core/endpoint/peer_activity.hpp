#pragma once

#include <string>

#include "core/base/clock.hpp"

namespace ipcbridge {

// What the service at the other end has been doing for long, by its own word.
struct PeerActivity {
  std::string method;
  Duration time{};  // until now
};

}  // namespace ipcbridge
