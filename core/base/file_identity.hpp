#pragma once

#include <cstdint>
#include <string>

namespace ipcbridge {

// Which file it is that has a name, or that a descriptor stands for: names are given to other files.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;  // 0: there is none

  bool exists() const { return inode != 0; }
  bool operator==(const FileIdentity&) const = default;

  // A symbolic link is itself.
  static FileIdentity of(const std::string& path);
  static FileIdentity of(int fd);
};

}  // namespace ipcbridge
