#pragma once

#include <string>

#include "core/base/fd.hpp"
#include "core/base/process_identity.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"

namespace ipcbridge {

// Who serves at a socket's path: the holder of a lock on the file beside it. The kernel releases the lock
// when its holder dies, however it dies, so a stale socket file is told from a live one without a guess.
class NameLock {
 public:
  NameLock() = default;
  ~NameLock() { release(); }
  NameLock(NameLock&&) = default;
  NameLock& operator=(NameLock&& other) noexcept;
  NameLock(const NameLock&) = delete;
  NameLock& operator=(const NameLock&) = delete;

  // already_exists when another holds it; the message names its process. Anything else means that nobody can be told
  // to hold it: failed_precondition where files cannot be locked, permission_denied for what somebody else left.
  static Result<NameLock> acquire(System& system, const std::string& socket_path);

  // Who holds the lock, by its own word.
  static ProcessIdentity holder(const std::string& socket_path);

  // Whether it is still the lock of that path: somebody may have removed the file, and another server made its own.
  bool held() const;
  void release();

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  Fd fd_;
};

}  // namespace ipcbridge
