#pragma once

#include <optional>
#include <string>

namespace ipcbridge {

// How many CPUs a process may use by the quotas of its cgroups and of those around them; nullopt: all. Cgroups are
// mounted at `root`, those of version 1 in folders of it, and `groups_file` is the process's /proc/PID/cgroup.
std::optional<double> cpu_quota(const std::string& root, const std::string& groups_file);

}  // namespace ipcbridge
