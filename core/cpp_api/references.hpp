#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/endpoint/driver.hpp"

namespace ipcbridge {

// Functions and objects that a peer passes by reference, which nothing here could call. Throws `unimplemented` where an
// encoded value has some, after giving back those that outlive the call: their owner would keep them until the
// connection ends. Bytes that are no value have none. `what` they are in, and `remedy`, end up in the message.
void refuse_references(Driver& driver, std::uint64_t connection, ConstBytes value, std::string_view what,
                       std::string_view remedy);

}  // namespace ipcbridge
