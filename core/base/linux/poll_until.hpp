#pragma once

#include <poll.h>

#include <span>

#include "core/base/clock.hpp"
#include "core/base/system.hpp"

namespace ipcbridge {

// Blocks until one of the descriptors is ready, until the time is over or a signal arrives; true when one is ready.
// ppoll and not poll, whose milliseconds are too coarse.
bool poll_until(System& system, std::span<pollfd> descriptors, TimePoint until);

}  // namespace ipcbridge
