#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/system.hpp"
#include "core/transport/allow_list.hpp"

namespace ipcbridge {

// Adds to the list those whom `allow: ['alice', 'group:staff', 'group:50']` means: users by name, groups by name or
// number. invalid_argument for a name that the machine does not know, unavailable or resource_exhausted when it cannot
// tell. Asks the system's databases, which may wait for a network: not under a lock.
Status add_accounts(System& system, const std::vector<std::string>& names, AllowList& allow);

}  // namespace ipcbridge
