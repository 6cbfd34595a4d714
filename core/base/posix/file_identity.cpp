#include "core/base/file_identity.hpp"

#include <sys/stat.h>

namespace ipcbridge {

FileIdentity FileIdentity::of(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 ? FileIdentity{info.st_dev, info.st_ino} : FileIdentity{};
}

FileIdentity FileIdentity::of(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? FileIdentity{info.st_dev, info.st_ino} : FileIdentity{};
}

}  // namespace ipcbridge
