#pragma once

#include <string>

namespace ipcbridge {

// A file that is of no use without this process, such as a listening socket, and is removed when the process exits
// without having done so; from then on at once, because a server listens anew where its files have gone. Any thread.
class ExitFile {
 public:
  // The file that is at the path now. Of very long paths, and where there are hundreds already, nothing is noted.
  // One that others need, too, is removed by the last of them: each holds a lock (flock) on it, and `shared_lock` is
  // the descriptor of this one's, which is open for longer than this lives.
  explicit ExitFile(const std::string& path, int shared_lock = kNotShared);
  // The file stays, and is forgotten.
  ~ExitFile();
  ExitFile(const ExitFile&) = delete;
  ExitFile& operator=(const ExitFile&) = delete;

 private:
  static constexpr int kNotShared = -1;

  struct Entry;
  struct Table;
  friend void remove_exit_files();

  static Table& table();
  static bool is_last(int shared_lock);

  Table* table_ = nullptr;
  Entry* entry_ = nullptr;
};

// Removes all of them that are still at their paths, and none of a parent process. exit() calls it. For handlers of
// signals that end the process, too: it calls only what POSIX lists as safe there, and flock(), which is a system call
// and no more.
void remove_exit_files();

}  // namespace ipcbridge
