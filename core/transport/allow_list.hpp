#pragma once

#include <sys/types.h>

#include <vector>

namespace ipcbridge {

// Users who may be at the other end besides this process's own user and root.
struct AllowList {
  std::vector<uid_t> uids;
  std::vector<gid_t> gids;
};

}  // namespace ipcbridge
