#pragma once

#include <string_view>

#include "core/base/known_ids.hpp"

namespace ipcbridge {

// From what the kernel's files hold: /proc/self/uid_map, /proc/sys/kernel/overflowuid, and the same for groups. What
// could not be read counts as a namespace with gaps.
KnownIds parse_id_maps(std::string_view uid_map, std::string_view overflow_uid, std::string_view gid_map,
                       std::string_view overflow_gid);

}  // namespace ipcbridge
