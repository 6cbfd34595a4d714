#pragma once

#include <cstddef>
#include <span>

namespace ipcbridge {

// Random bytes that nobody can guess, at most 256. False where there are none to be had.
bool fill_random(std::span<std::byte> bytes);

}  // namespace ipcbridge
