#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "core/base/exit_files.hpp"
#include "core/base/fd.hpp"
#include "core/base/file_identity.hpp"
#include "core/base/system.hpp"
#include "core/naming/name_lock.hpp"
#include "core/transport/connector.hpp"
#include "core/transport/listener.hpp"

namespace ipcbridge {

// A socket in the file system, and the lock beside it that says whose it is.
class UnixListener final : public Listener {
 public:
  // Takes over what a dead process has left behind. already_exists when another process serves there,
  // failed_precondition when the path is something else than a socket; it is left alone then.
  static Result<std::unique_ptr<Listener>> listen(System& system, const std::string& path, mode_t mode);

  ~UnixListener() override;

  int fd() const override { return socket_.get(); }
  Result<std::unique_ptr<Channel>> accept() override;
  bool is_in_place() const override;
  std::vector<std::string> files() const override;

 private:
  UnixListener(System& system, std::string path, NameLock lock, Fd socket);
  // Whether the socket at the path is still this one.
  bool has_file() const;

  System& system_;
  std::string path_;
  NameLock lock_;
  Fd socket_;
  FileIdentity file_;  // of the socket
  ExitFile socket_at_exit_;
  ExitFile lock_at_exit_;
};

// Makes the path free for whoever holds its lock. already_exists when somebody listens there all the same,
// failed_precondition when it is something else than a socket; it is left alone then.
Status remove_stale_socket(System& system, const std::string& path);

// As Listener::accept().
Result<std::unique_ptr<Channel>> accept_unix_channel(System& system, int listener);
Connector::Outcome connect_unix_channel(System& system, const std::string& path);

}  // namespace ipcbridge
