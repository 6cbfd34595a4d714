#pragma once

#include <cstddef>

#include "core/base/system.hpp"

namespace ipcbridge {

// Memory of this process alone, filled with zeros, that is the system's again as soon as it is given back. nullptr and
// errno when there is none.
std::byte* map_pages(System& system, std::size_t size);

// Unmaps pages of map_pages, or a shared mapping.
void unmap_pages(std::byte* address, std::size_t size);

}  // namespace ipcbridge
