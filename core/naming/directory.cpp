#include "core/naming/directory.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace ipcbridge {
namespace {

std::string choose_directory() {
  if (const char* set = std::getenv("IPCBRIDGE_DIR"); set != nullptr && *set != '\0') return set;
  const std::string user = std::to_string(::geteuid());
  struct stat info {};
  // The directory and not $XDG_RUNTIME_DIR: cron jobs and services have the one and not the other.
  const std::string run = "/run/user/" + user;
  if (::stat(run.c_str(), &info) == 0 && info.st_uid == ::geteuid()) return run + "/ipcbridge";
  return "/tmp/ipcbridge-" + user;
}

Error refused(const std::string& path, const std::string& why) {
  return {Code::kFailedPrecondition, "the directory of service names, " + path + ", " + why +
                                         ": remove it, or set IPCBRIDGE_DIR to a directory of your own"};
}

}  // namespace

Result<std::string> names_directory() {
  const std::string path = choose_directory();
  if (path.front() != '/') return Error{Code::kInvalidArgument, "IPCBRIDGE_DIR must be an absolute path, not " + path};
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    const Code code =
        errno == EACCES || errno == EPERM || errno == EROFS ? Code::kPermissionDenied : Code::kFailedPrecondition;
    return Error{code, "cannot make the directory of service names, " + path + ": " + std::strerror(errno)};
  }
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return refused(path, std::strerror(errno));
  if (S_ISLNK(info.st_mode)) return refused(path, "is a symbolic link");
  if (!S_ISDIR(info.st_mode)) return refused(path, "is not a directory");
  if (info.st_uid != ::geteuid()) return refused(path, "belongs to user " + std::to_string(info.st_uid));
  if ((info.st_mode & 0077U) != 0) return refused(path, "is open to other users (its mode must be 0700)");
  return path;
}

}  // namespace ipcbridge
