#pragma once

#include <span>

#include "core/base/blob.hpp"
#include "core/base/bytes.hpp"

namespace ipcbridge {

// The value with the bytes of its attachments in it, as users of the C++ API have it. Empty when it is no value, or has
// other attachments than these.
Buffer joined(ConstBytes value, std::span<const Attachment> attachments);

}  // namespace ipcbridge
