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

// Gives the system what has been kept since then, and says whether anything is left. Nothing is kept when no such blob
// has been made for kIdleMemory.
bool trim_recycled(TimePoint since) noexcept;

}  // namespace ipcbridge
