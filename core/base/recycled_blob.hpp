#pragma once

#include <cstddef>

#include "core/base/blob.hpp"
#include "core/base/clock.hpp"

namespace ipcbridge {

// Memory that has not been used for so long goes back to the system.
inline constexpr Duration kIdleMemory = std::chrono::seconds(5);

// As make_heap_blob(), but what is large is kept for a while when it is let go, and used again: to be given fresh pages
// by the system takes longer than to receive into them. Any thread.
BlobRef make_recycled_blob(std::size_t size);

// Gives the system what has been kept since then, and says whether there is to be another trim: something is left, or
// may still be kept, since such a blob has been made since then. Throws std::bad_alloc, as all of these.
bool trim_recycled(TimePoint since);

// Gives the system all, and keeps nothing until the next such blob is made: nobody trims any more.
void stop_recycling();

// What is kept.
std::size_t recycled_bytes();

}  // namespace ipcbridge
