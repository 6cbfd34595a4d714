#pragma once

#include <cstddef>
#include <cstdint>

// What this process has, as the system tells.
namespace ipcbridge::testing_support {

std::size_t open_descriptors();
// Of shared memory, of this process's own segments and of its peers'.
std::size_t mapped_segments();
std::uint64_t resident_bytes();
// Of the heap.
std::size_t allocated_bytes();

}  // namespace ipcbridge::testing_support
