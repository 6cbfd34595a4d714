#pragma once

#include <cstddef>

namespace ipcbridge::shm {

// Whether a private mapping has pages there of its own, since they were written to. True where the kernel does not tell
// (Linux before 6.7, no /proc). Not for writes that are under way.
bool may_have_pages_of_its_own(const std::byte* memory, std::size_t size);

}  // namespace ipcbridge::shm
