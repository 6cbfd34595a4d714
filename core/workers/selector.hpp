#pragma once

#include <span>

namespace ipcbridge {

// The descriptor in which an event loop waits (asyncio's), as the platform's poller makes it: a thread of the loop may
// have it wait for some of its own as well.

// Whether it wakes up when `fd` is readable. False and errno where it cannot.
bool set_watched(int selector, int fd, bool on);

// Those that are ready now, of the loop's and of one's own, at most as many as `fds` holds.
std::span<const int> ready_in(int selector, std::span<int> fds);

}  // namespace ipcbridge
