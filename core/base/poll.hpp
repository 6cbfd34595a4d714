#pragma once

#include "core/base/clock.hpp"
#include "core/base/system.hpp"

namespace ipcbridge {

// Blocks until the descriptor is readable, until the time is over or a signal arrives; true when it is readable.
bool wait_readable(System& system, int fd, TimePoint until);

// A look, without waiting.
bool is_readable_now(int fd);

}  // namespace ipcbridge
