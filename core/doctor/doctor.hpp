#pragma once

#include <vector>

#include "core/base/system.hpp"
#include "core/doctor/finding.hpp"

namespace ipcbridge::doctor {

// Looks at what the library needs of this machine, by doing what a service and its clients do, in the order in which to
// read it. The texts are visible UTF-8 in one line each. Files that it makes where names live are gone again when it
// returns; shared modules stay loaded. Takes some milliseconds. Any thread.
std::vector<Finding> examine(System& system);

}  // namespace ipcbridge::doctor
