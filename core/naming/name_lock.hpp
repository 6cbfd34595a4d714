#pragma once

#include <cstdint>
#include <string>

#include "core/base/fd.hpp"
#include "core/base/process_identity.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"

namespace ipcbridge {

// Who serves at a socket's path: the holder of a lock on the file beside it. The kernel releases the lock
// when its holder dies, however it dies, so a stale socket file is told from a live one without a guess.
// Several may hold it together, if all of them are willing to share it.
class NameLock {
 public:
  NameLock() = default;
  ~NameLock() { release(); }
  NameLock(NameLock&&) = default;
  NameLock& operator=(NameLock&& other) noexcept;
  NameLock(const NameLock&) = delete;
  NameLock& operator=(const NameLock&) = delete;

  enum class Mode : std::uint8_t { kExclusive, kShared };

  // already_exists when another holds it who does not share it, or is not to; the message names its process, or the one
  // that came last of those who share it. Anything else means that nobody can be told
  // to hold it: failed_precondition where files cannot be locked, permission_denied for what somebody else left.
  static Result<NameLock> acquire(System& system, const std::string& socket_path, Mode mode = Mode::kExclusive);

  // Whether there is such a file, locked or not.
  static bool has_file(const std::string& socket_path);

  // Who holds the lock, by its own word; of several the last that came.
  static ProcessIdentity holder(const std::string& socket_path);

  // Whether it is still the lock of that path: somebody may have removed the file, and another server made its own.
  bool held() const;
  // The last who holds it removes the file.
  void release();

  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }

 private:
  std::string path_;
  Fd fd_;
  Mode mode_ = Mode::kExclusive;
};

}  // namespace ipcbridge
