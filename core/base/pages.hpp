#pragma once

#include <cstddef>

#include "core/base/system.hpp"

namespace ipcbridge {

// Memory of this process alone, filled with zeros, that is the system's again as soon as it is given back. nullptr and
// errno when there is none.
std::byte* map_pages(System& system, std::size_t size);

// Has the system give fresh memory that is about to be filled in large pages, where it has some: to get 2 MiB at once
// takes a tenth of what 512 small pages do. Nothing happens where it is too little to be worth that.
void prefer_large_pages(std::byte* memory, std::size_t size);

// Unmaps pages of map_pages, or a shared mapping.
void unmap_pages(std::byte* address, std::size_t size);

}  // namespace ipcbridge
