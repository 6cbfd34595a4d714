#pragma once

#include <sys/stat.h>

#include <string>

namespace ipcbridge {

// Which file it is that has a name, or that a descriptor stands for: names are given to other files.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;  // 0: there is none

  bool exists() const { return inode != 0; }
  bool operator==(const FileIdentity&) const = default;

  // A symbolic link is itself.
  static FileIdentity of(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0 ? FileIdentity{info.st_dev, info.st_ino} : FileIdentity{};
  }
  static FileIdentity of(int fd) {
    struct stat info {};
    return ::fstat(fd, &info) == 0 ? FileIdentity{info.st_dev, info.st_ino} : FileIdentity{};
  }
};

}  // namespace ipcbridge
