#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace ipcbridge {

// Who a process is, for one that may see other process ids: those are counted anew in each container (PID namespace),
// and used again.
struct ProcessIdentity {
  pid_t pid = 0;                    // as the process itself sees it; 0: unknown
  std::uint64_t pid_namespace = 0;  // the inode of its namespace; 0: unknown, or the only one
  std::uint64_t token = 0;          // random, and another in a forked child; 0: unknown

  static ProcessIdentity own();
  bool operator==(const ProcessIdentity&) const = default;

  // One line of text, and what it says. Whatever is missing is unknown.
  std::string line() const;
  static ProcessIdentity parse(std::string_view line);

  // For a sentence, as this process sees it: "process 12", "process 1 of another container", "another process".
  std::string describe() const;

 private:
  static std::uint64_t own_pid_namespace();
};

// The process at the other end of a socket, by the id that the kernel translates: 0 for one that has none here.
std::string describe_peer(pid_t pid);

}  // namespace ipcbridge
