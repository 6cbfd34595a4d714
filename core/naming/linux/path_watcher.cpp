#include "core/naming/path_watcher.hpp"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "core/base/fd.hpp"
#include "core/base/linux/linux_calls.hpp"
#include "core/base/per_process.hpp"

namespace ipcbridge {
namespace {

// A file that is unlinked while it is open is not deleted yet: it is the number of its links, an attribute, that
// changes.
constexpr std::uint32_t kFile = IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
// What else happens in a directory, which may be /tmp, is nobody's concern.
constexpr std::uint32_t kDirectory = IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t kListed = kDirectory | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

// "/run" and "/run/user" of "/run/user/0"; the root stays.
std::vector<std::string> directories_over(const std::string& path) {
  std::vector<std::string> directories;
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    directories.push_back(path.substr(0, slash));
  }
  return directories;
}

}  // namespace

// All watchers of the process share it, because a user has only 128 inotify instances (fs.inotify.max_user_instances).
// A change of the mounts shows as an edge of EPOLLIN. It shows as EPOLLPRI, too, but only in the first poll that looks,
// and the Driver's set is polled within those of event loops.
class PathWatcher::Shared {
 public:
  explicit Shared(System& system)
      : events_(linux_calls(system).inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
        mounts_(system.calls().open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC, 0)) {}

  static std::shared_ptr<Shared> of_process(System& system);

  const Fd& events() const { return events_; }
  const Fd& mounts() const { return mounts_; }

  void join(PathWatcher& watcher) {
    const std::lock_guard lock(mutex_);
    watchers_.insert(&watcher);
  }

  void leave(PathWatcher& watcher) {
    const std::lock_guard lock(mutex_);
    watchers_.erase(&watcher);
  }

  // The number of the watch, or -1 and errno.
  int add(System& system, const std::string& path, std::uint32_t mask) {
    const std::lock_guard lock(mutex_);
    // The same file has the same watch, whoever asks: what others want of it stays.
    const int watch = linux_calls(system).inotify_add_watch(events_.get(), path.c_str(), mask | IN_MASK_ADD);
    if (watch >= 0) ++users_[watch];
    return watch;
  }

  void remove(const std::vector<int>& watches) {
    const std::lock_guard lock(mutex_);
    if (!events_.valid()) return;
    for (const int watch : watches) {
      const auto found = users_.find(watch);
      if (found == users_.end() || --found->second > 0) continue;
      users_.erase(found);
      ::inotify_rm_watch(events_.get(), watch);
    }
  }

  // For `reader`, and for the others, which are woken.
  void read_events(PathWatcher& reader) {
    const std::lock_guard lock(mutex_);
    bool changed = false;
    alignas(inotify_event) std::array<char, 4096> buffer{};
    for (;;) {
      const ssize_t size = ::read(events_.get(), buffer.data(), buffer.size());
      if (size <= 0) break;
      for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        at += sizeof event + event.len;
        if ((event.mask & IN_IGNORED) != 0) {
          users_.erase(event.wd);
        } else {
          changed = true;
        }
      }
    }
    if (!changed) return;
    for (PathWatcher* watcher : watchers_) {
      watcher->changed_.store(true, std::memory_order_relaxed);
      if (watcher != &reader) watcher->wake_();
    }
  }

 private:
  Fd events_;
  Fd mounts_;
  std::mutex mutex_;
  std::map<int, std::uint32_t> users_;  // of each watch
  std::set<PathWatcher*> watchers_;
};

std::shared_ptr<PathWatcher::Shared> PathWatcher::Shared::of_process(System& system) {
  struct Current {
    std::mutex mutex;
    std::weak_ptr<Shared> shared;
  };
  static PerProcess<Current> the_current;
  Current& current = the_current.get();
  const std::lock_guard lock(current.mutex);
  std::shared_ptr<Shared> shared = current.shared.lock();
  if (shared && shared->events().valid()) return shared;
  shared = std::make_shared<Shared>(system);
  current.shared = shared;
  return shared;
}

PathWatcher::PathWatcher(System& system, std::function<void()> wake)
    : system_(system), shared_(Shared::of_process(system)), wake_(std::move(wake)) {
  shared_->join(*this);
}

PathWatcher::~PathWatcher() { shared_->leave(*this); }

int PathWatcher::events_fd() const { return shared_->events().get(); }
int PathWatcher::mounts_fd() const { return shared_->mounts().get(); }
void PathWatcher::on_events() { shared_->read_events(*this); }

PathWatcher::Watch::Watch(PathWatcher& watcher, const std::vector<std::string>& files,
                          const std::vector<std::string>& listed)
    : system_(&watcher.system_),
      shared_(watcher.shared_),
      complete_(shared_->events().valid() && shared_->mounts().valid()) {
  std::set<std::string> directories;
  for (const std::string& file : files) {
    add(file, kFile);
    for (std::string& directory : directories_over(file)) directories.insert(std::move(directory));
  }
  for (const std::string& directory : directories) add(directory, kDirectory);
  for (const std::string& directory : listed) add(directory, kListed);
}

void PathWatcher::Watch::add(const std::string& path, std::uint32_t mask) {
  const int watch = shared_->add(*system_, path, mask);
  if (watch >= 0) {
    watches_.push_back(watch);
    return;
  }
  // A directory may let us pass and not look: then its renaming goes unnoticed, and that is all.
  const bool unreadable = errno == EACCES && (mask & IN_ONLYDIR) != 0;
  if (!unreadable) complete_ = false;
}

PathWatcher::Watch::~Watch() {
  if (shared_) shared_->remove(watches_);
}

PathWatcher::Watch& PathWatcher::Watch::operator=(Watch&& other) noexcept {
  if (this == &other) return *this;
  if (shared_) shared_->remove(watches_);
  system_ = other.system_;
  shared_ = std::move(other.shared_);
  watches_ = std::exchange(other.watches_, {});
  complete_ = other.complete_;
  return *this;
}

}  // namespace ipcbridge
