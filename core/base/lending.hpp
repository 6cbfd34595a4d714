#pragma once

#include <cstdint>

#include "core/base/blob.hpp"
#include "core/base/result.hpp"

namespace ipcbridge {

// What one peer may keep of this side's memory.
inline constexpr std::uint64_t kMaxLentBytes = 4ULL * 1024 * 1024 * 1024;

// resource_exhausted: it would be more than `most`.
Error keeps_too_much(std::uint64_t kept, std::uint64_t most);

// Lets go of what has arrived, and tells whoever has sent it, who waits for it also where this process is idle from now
// on. Under no lock of the core.
void let_go(Attachment attachment);

}  // namespace ipcbridge
