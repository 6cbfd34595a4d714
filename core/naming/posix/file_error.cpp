#include "core/naming/file_error.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ipcbridge {
namespace {

Code code_of(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOSPC:
    case EDQUOT:
      return Code::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::kPermissionDenied;
    case EINTR:
    case ESTALE:
    case ETIMEDOUT:
      return Code::kUnavailable;
    case EIO:
      return Code::kInternal;
    default:
      return Code::kFailedPrecondition;
  }
}

// Whether the directory lets only the owners of its files, its own and root remove them.
bool is_sticky(const std::string& directory) {
  struct stat info {};
  return ::stat(directory.c_str(), &info) == 0 && (info.st_mode & S_ISVTX) != 0 && info.st_uid != ::geteuid();
}

}  // namespace

Error file_error(int error, const std::string& what) { return {code_of(error), what + ": " + std::strerror(error)}; }

Error claim_error(int error, const std::string& what, const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  struct stat info {};
  if (error == ENOENT && ::stat(directory.c_str(), &info) != 0) {
    return {Code::kFailedPrecondition, what + ": there is no directory " + directory.substr(0, directory.size() - 1)};
  }
  if (error != EACCES && error != EPERM) return file_error(error, what);
  if (::lstat(path.c_str(), &info) != 0 || info.st_uid == ::geteuid()) return file_error(error, what);
  const std::string owner = "user " + std::to_string(info.st_uid);
  const std::string remedy = is_sticky(directory) ? "only that user or root can remove it from " + directory
                                                  : "remove it, if no service of that user runs there";
  return {Code::kPermissionDenied, what + ", which belongs to " + owner + " (" + std::strerror(error) + "): " + remedy +
                                       ", or serve at another path"};
}

}  // namespace ipcbridge
