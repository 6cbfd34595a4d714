#pragma once

#include <cstdint>

namespace ipcbridge::fork_guard {

// How many times this process image was forked from one that had loaded the core. What was made in an
// earlier generation belongs to the parent and must not be used, unmapped or shut down by the child.
std::uint32_t generation();

// A random number of this process; a forked child has another.
std::uint64_t process_token();

// From now on a forked child closes this descriptor (it never shuts it down), so that the parent's
// connections end when the parent does. Any thread.
void track(int fd);
void untrack(int fd);

}  // namespace ipcbridge::fork_guard
