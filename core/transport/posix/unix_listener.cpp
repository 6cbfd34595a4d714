#include "core/transport/unix_listener.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/naming/file_error.hpp"
#include "core/transport/socket.hpp"
#include "core/transport/unix_channel.hpp"

namespace ipcbridge {
namespace {

std::unique_ptr<Channel> channel(System& system, Fd socket, LocalPeer peer) {
  return std::make_unique<UnixChannel>(system, std::move(socket), std::move(peer));
}

}  // namespace

UnixListener::UnixListener(System& system, std::string path, NameLock lock, Fd socket)
    : system_(system),
      path_(std::move(path)),
      lock_(std::move(lock)),
      socket_(std::move(socket)),
      file_(FileIdentity::of(path_)),
      socket_at_exit_(path_),
      lock_at_exit_(lock_.path()) {}

Result<std::unique_ptr<Listener>> UnixListener::listen(System& system, const std::string& path, mode_t mode) {
  Result<NameLock> lock = NameLock::acquire(system, path);
  if (!lock.ok()) return lock.error();
  if (Status status = remove_stale_socket(system, path); !status.ok()) return status.error();
  Result<Fd> socket = listen_unix(system, path, mode);
  if (!socket.ok()) return socket.error();
  return std::unique_ptr<Listener>(new UnixListener(system, path, std::move(lock).value(), std::move(socket).value()));
}

UnixListener::~UnixListener() {
  if (!socket_.valid()) return;  // a forked child's is its parent's
  if (has_file()) ::unlink(path_.c_str());
  // First, so that a process without a descriptor to spare has one to accept those with that wait.
  lock_.release();
  stop_listening_unix(system_, std::move(socket_));
}

Result<std::unique_ptr<Channel>> UnixListener::accept() { return accept_unix_channel(system_, socket_.get()); }

bool UnixListener::is_in_place() const { return has_file() && lock_.held(); }

bool UnixListener::has_file() const { return file_.exists() && FileIdentity::of(path_) == file_; }

std::vector<std::string> UnixListener::files() const { return {path_, lock_.path()}; }

Status remove_stale_socket(System& system, const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode)) {
    return Error{Code::kFailedPrecondition, path + " exists and is not a socket; it is left alone"};
  }
  // That nobody holds the lock says nothing of a program that knows no locks.
  if (Status status = check_abandoned(system, path); !status.ok()) return status;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return claim_error(errno, "cannot remove the socket " + path, path);
  }
  return {};
}

Result<std::unique_ptr<Channel>> accept_unix_channel(System& system, int listener) {
  Result<Fd> socket = accept_unix(system, listener);
  if (!socket.ok()) return socket.error();
  if (!socket.value().valid()) return std::unique_ptr<Channel>();
  Result<LocalPeer> peer = local_peer(socket.value().get());
  if (!peer.ok()) return std::unique_ptr<Channel>();
  return channel(system, std::move(socket).value(), std::move(peer).value());
}

Connector::Outcome connect_unix_channel(System& system, const std::string& path) {
  Result<Fd> socket = connect_unix(system, path);
  if (!socket.ok()) return socket.error();
  Result<LocalPeer> peer = local_peer(socket.value().get());
  if (!peer.ok()) return peer.error();
  return channel(system, std::move(socket).value(), std::move(peer).value());
}

}  // namespace ipcbridge
