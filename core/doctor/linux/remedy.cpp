#include "core/doctor/remedy.hpp"

#include <cerrno>

namespace ipcbridge::doctor {

std::string raise_open_files() {
  return "raise the limit of open files: `ulimit -n 4096` in a shell, LimitNOFILE= in a systemd unit, "
         "`--ulimit nofile=4096` of docker run";
}

std::string raise_threads() {
  return "raise the limit: `ulimit -u` in a shell, TasksMax= in a systemd unit, `--pids-limit` of docker run";
}

std::string give_cpus() { return "taskset, the cpuset, `--cpus` of docker run, CPUQuota= in a systemd unit"; }

std::string remedy_for(int error) {
  switch (error) {
    case EMFILE:
      return raise_open_files();
    case ENFILE:
      return "the whole machine has no descriptors left: raise fs.file-max (sysctl), or end what holds so many";
    case ENOMEM:
    case ENOSPC:
    case EDQUOT:
    case ENOBUFS:
      return "free some memory, or raise the memory limit of the container or systemd unit";
    case EPERM:
    case EACCES:
      return "a sandbox forbids it: allow it in the container's seccomp profile, or in its AppArmor or SELinux policy";
    default:
      return "run on Linux 5.1 or later itself: emulations of it may lack this, and so may a sandbox";
  }
}

}  // namespace ipcbridge::doctor
