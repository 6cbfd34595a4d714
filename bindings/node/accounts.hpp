#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/endpoint/options.hpp"

namespace ipcbridge::node {

// Whom `allow: [1000, 'alice', 'group:staff']` means. invalid_argument for a name that the system does not know.
// Asks the system's databases and may block on them.
Result<AllowList> find_accounts(const std::vector<std::string>& names);

}  // namespace ipcbridge::node
