#include "core/base/process_identity.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fork.hpp"

namespace ipcbridge {

std::uint64_t ProcessIdentity::own_pid_namespace() {
  struct stat info {};
  return ::stat("/proc/self/ns/pid", &info) == 0 ? info.st_ino : 0;
}

ProcessIdentity ProcessIdentity::own() { return {::getpid(), own_pid_namespace(), fork_guard::process_token()}; }

}  // namespace ipcbridge
