#pragma once

#include <cstddef>

#include "core/endpoint/driver.hpp"

namespace ipcbridge {

// Where bytes travel from: where they lie, if that is memory of allocate_blob(); else memory of `allocator`, or of the
// heap where that has none, to which they are still to be copied. resource_exhausted.
Result<Attachment> place_bytes(const Driver::Allocator& allocator, ConstBytes bytes);
// As much memory, for bytes that lie in several places.
Result<Attachment> place_parts(const Driver::Allocator& allocator, std::size_t size);

}  // namespace ipcbridge
