#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/system.hpp"

namespace ipcbridge {

// Notices that files which services depend on are removed, renamed, replaced or mounted over. What happened is not
// told, only that it is time to look. The watchers of a process share what the system has few of: each polls it, and
// the one that reads an event wakes the others.
//
// Used by one thread at a time; `wake` may be called from any, until the watcher is gone.
class PathWatcher {
 public:
  // Watches these paths for as long as it lives.
  class Watch;

  PathWatcher(System& system, std::function<void()> wake);
  ~PathWatcher();
  PathWatcher(const PathWatcher&) = delete;
  PathWatcher& operator=(const PathWatcher&) = delete;

  // To poll for what can be read; on_events() is wanted then. -1 where there is none to be had.
  int events_fd() const;
  // To poll for changes; on_mount() is wanted then. It is always readable, and becomes so once more when something was
  // mounted or unmounted. -1 as above.
  int mounts_fd() const;

  void on_events();
  void on_mount() { changed_.store(true, std::memory_order_relaxed); }

  // Whether something has happened since this was last asked.
  bool take_change() {
    return changed_.load(std::memory_order_relaxed) && changed_.exchange(false, std::memory_order_relaxed);
  }

 private:
  class Shared;

  System& system_;
  std::shared_ptr<Shared> shared_;
  std::function<void()> wake_;
  std::atomic<bool> changed_{false};
};

class PathWatcher::Watch {
 public:
  Watch() = default;
  // `files` and the directories over them, to the root. In the directories `listed` every file that comes or goes
  // counts, too.
  Watch(PathWatcher& watcher, const std::vector<std::string>& files, const std::vector<std::string>& listed);
  ~Watch();
  Watch(Watch&& other) noexcept = default;
  Watch& operator=(Watch&& other) noexcept;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // False when some change would go unnoticed: look every now and then.
  bool complete() const { return complete_; }

 private:
  void add(const std::string& path, std::uint32_t mask);

  System* system_ = nullptr;
  std::shared_ptr<Shared> shared_;
  std::vector<int> watches_;
  bool complete_ = false;
};

}  // namespace ipcbridge
