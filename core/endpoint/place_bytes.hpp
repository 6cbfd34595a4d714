#pragma once

#include <cstddef>

#include "core/endpoint/driver.hpp"

namespace ipcbridge {

// Where bytes travel from: where they lie, if that is memory of allocate_blob(); else memory of `allocator`, or of the
// heap where that has none, to which they are still to be copied. resource_exhausted.
Result<Attachment> place_bytes(const Driver::Allocator& allocator, ConstBytes bytes);
// As much memory, for a table, which is to be sealed when it has been written (Blob::seal()).
Result<Attachment> place_table(const Driver::Allocator& allocator, std::size_t size);

// Memory that can be sealed costs fresh pages on both sides: more than to copy less than this on arrival.
inline constexpr std::size_t kWorthSealing = 1024UL * 1024;

}  // namespace ipcbridge
