#pragma once

#include <string>

#include "core/base/result.hpp"

namespace ipcbridge {

// The directory in which local names are sockets: $IPCBRIDGE_DIR, else /run/user/UID/ipcbridge where
// /run/user/UID exists, else /tmp/ipcbridge-UID. Made with mode 0700 when missing. One that is a symbolic
// link, belongs to somebody else or is open to others is refused with failed_precondition, because whoever
// can write there can pose as any service.
Result<std::string> names_directory();

}  // namespace ipcbridge
