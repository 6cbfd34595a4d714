#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "core/base/fd.hpp"
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

 private:
  UnixListener(System& system, std::string path, NameLock lock, Fd socket);

  System& system_;
  std::string path_;
  NameLock lock_;
  Fd socket_;
};

Connector::Outcome connect_unix_channel(System& system, const std::string& path);

}  // namespace ipcbridge
