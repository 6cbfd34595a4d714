#include "core/base/exit_files.hpp"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "core/base/per_process.hpp"

namespace ipcbridge {
namespace {

constexpr std::size_t kMostFiles = 512;
constexpr std::size_t kMostBytes = 128;  // of a path: that of a socket has at most 108, and its lock's a few more

}  // namespace

// Whoever may not lock it for himself loses his share of the lock by asking, and has no use for it any more.
bool ExitFile::is_last(int shared_lock) {
  return shared_lock == kNotShared || ::flock(shared_lock, LOCK_EX | LOCK_NB) == 0;
}

struct ExitFile::Entry {
  std::atomic<bool> noted{false};
  dev_t device = 0;
  ino_t inode = 0;
  pid_t process = 0;
  int shared_lock = kNotShared;
  std::array<char, kMostBytes> path{};

  // Another process may have taken the path since.
  void remove() const {
    struct stat info {};
    if (process != ::getpid() || ::lstat(path.data(), &info) != 0) return;
    if (info.st_dev == device && info.st_ino == inode && is_last(shared_lock)) ::unlink(path.data());
  }
};

// Of the process. A signal's handler may read it on any thread at any time, so nothing in it is ever freed; the mutex
// is for all others.
struct ExitFile::Table {
  // What remove_exit_files() reads.
  static inline std::atomic<Table*> current{nullptr};

  std::mutex mutex;
  // The files have been removed, or are about to be; threads that still run may make others.
  std::atomic<bool> ended{false};
  std::array<Entry, kMostFiles> entries;
};

ExitFile::Table& ExitFile::table() {
  static PerProcess<Table> the_table;
  static const int kAtExit = std::atexit(&remove_exit_files);
  static_cast<void>(kAtExit);
  Table& found = the_table.get();
  Table::current = &found;
  return found;
}

ExitFile::ExitFile(const std::string& path, int shared_lock) {
  struct stat info {};
  if (path.size() >= kMostBytes || ::lstat(path.c_str(), &info) != 0) return;
  table_ = &table();
  const std::lock_guard lock(table_->mutex);
  if (table_->ended) {
    if (is_last(shared_lock)) ::unlink(path.c_str());
    return;
  }
  auto* const free = std::find_if(table_->entries.begin(), table_->entries.end(),
                                  [](const Entry& entry) { return !entry.noted.load(std::memory_order_relaxed); });
  if (free == table_->entries.end()) return;
  free->device = info.st_dev;
  free->inode = info.st_ino;
  free->process = ::getpid();
  free->shared_lock = shared_lock;
  std::memcpy(free->path.data(), path.c_str(), path.size() + 1);
  free->noted = true;
  entry_ = free;
  if (table_->ended) free->remove();
}

ExitFile::~ExitFile() {
  // A forked child's copy is in its parent's table, whose lock some thread of the parent may have held.
  if (entry_ == nullptr || table_ != Table::current || entry_->process != ::getpid()) return;
  const std::lock_guard lock(table_->mutex);
  entry_->noted = false;
}

void remove_exit_files() {
  ExitFile::Table* const table = ExitFile::Table::current;
  if (table == nullptr) return;
  table->ended = true;  // from here on no entry is written that was noted before
  for (const ExitFile::Entry& entry : table->entries) {
    if (entry.noted) entry.remove();
  }
}

}  // namespace ipcbridge
