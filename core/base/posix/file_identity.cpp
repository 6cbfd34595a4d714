#include "core/base/file_identity.hpp"

#include <sys/stat.h>

namespace ipcbridge {
namespace {

FileIdentity identity_of(const struct stat& info) {
  return {static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino)};
}

}  // namespace

FileIdentity FileIdentity::of(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 ? identity_of(info) : FileIdentity{};
}

FileIdentity FileIdentity::of(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? identity_of(info) : FileIdentity{};
}

}  // namespace ipcbridge
