#pragma once

#include <cstddef>

#include "core/base/bytes.hpp"

namespace ipcbridge {

// As memcpy() does, but what is written goes to memory and not into the caches: twice as fast where it is in none.
void copy_past_caches(std::byte* to, ConstBytes from);

// As memcpy() does, past the caches where both sides are too large to stay in them and `to` is not fresh.
void copy_bytes(std::byte* to, ConstBytes from);

}  // namespace ipcbridge
