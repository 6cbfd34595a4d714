#include "core/naming/name_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "core/base/file_identity.hpp"
#include "core/base/posix/system_calls.hpp"
#include "core/naming/file_error.hpp"

namespace ipcbridge {
namespace {

// How often to try what a signal interrupts, or a file that vanishes meanwhile: somebody does that on purpose.
constexpr int kTries = 100;

std::string lock_path(const std::string& socket_path) { return socket_path + ".lock"; }

// The file may have been unlinked between our open and our lock; then the lock is on nothing.
bool is_current(int fd, const std::string& path) {
  const FileIdentity ours = FileIdentity::of(fd);
  return ours.exists() && ours == FileIdentity::of(path);
}

bool is_regular(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

// Without O_CREAT first: with it the kernel refuses the file of another user in a directory such as /tmp, to root too
// (fs.protected_regular).
Result<Fd> open_or_make(System& system, const std::string& path) {
  constexpr int kFlags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  int error = 0;
  for (int i = 0; i < kTries; ++i) {
    Fd fd(system.calls().open(path.c_str(), kFlags, 0));
    if (!fd.valid() && errno == ENOENT) fd = Fd(system.calls().open(path.c_str(), kFlags | O_CREAT | O_EXCL, 0600));
    if (fd.valid()) return fd;
    error = errno;
    if (error != EEXIST && error != EINTR) break;
  }
  return claim_error(error, "cannot open " + path, path);
}

// Zero, or errno.
int try_lock(System& system, int fd, NameLock::Mode mode) {
  const int operation = mode == NameLock::Mode::kShared ? LOCK_SH : LOCK_EX;
  for (int i = 0; i < kTries; ++i) {
    if (system.calls().flock(fd, operation | LOCK_NB) == 0) return 0;
    if (errno != EINTR) break;
  }
  return errno;
}

// `fd` is about to be closed.
Error taken(System& system, int fd, const std::string& socket_path) {
  const bool is_shared = try_lock(system, fd, NameLock::Mode::kShared) == 0;
  const std::string who = NameLock::holder(socket_path).describe();
  return {Code::kAlreadyExists,
          is_shared ? "servers that share the name, " + who + " among them, already serve at " + socket_path
                    : who + " already serves at " + socket_path};
}

Status lock(System& system, int fd, const std::string& socket_path, NameLock::Mode mode) {
  const int error = try_lock(system, fd, mode);
  if (error == 0) return {};
  if (error == EWOULDBLOCK) return taken(system, fd, socket_path);
  Error why = file_error(error, "cannot lock " + lock_path(socket_path));
  if (why.code == Code::kFailedPrecondition) {
    why.message += "; the file system must be one whose files can be locked: serve elsewhere, or set IPCBRIDGE_DIR";
  }
  return why;
}

void write_holder(int fd) {
  const std::string text = ProcessIdentity::own().line();
  // Only for messages: a full disk must not keep a service from starting.
  if (::ftruncate(fd, 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(fd, text.data(), text.size(), 0);
  }
}

}  // namespace

NameLock& NameLock::operator=(NameLock&& other) noexcept {
  if (this == &other) return *this;
  release();
  path_ = std::move(other.path_);
  fd_ = std::move(other.fd_);
  mode_ = other.mode_;
  return *this;
}

Result<NameLock> NameLock::acquire(System& system, const std::string& socket_path, Mode mode) {
  const std::string path = lock_path(socket_path);
  for (int i = 0; i < kTries; ++i) {
    Result<Fd> fd = open_or_make(system, path);
    if (!fd.ok()) return fd.error();
    if (!is_regular(fd.value().get())) return Error{Code::kFailedPrecondition, path + " exists and is not a file"};
    if (Status status = lock(system, fd.value().get(), socket_path, mode); !status.ok()) return status.error();
    if (!is_current(fd.value().get(), path)) continue;
    write_holder(fd.value().get());
    NameLock lock;
    lock.path_ = path;
    lock.fd_ = std::move(fd).value();
    lock.mode_ = mode;
    return lock;
  }
  return Error{Code::kUnavailable, path + " is removed as soon as it is there"};
}

bool NameLock::has_file(const std::string& socket_path) { return FileIdentity::of(lock_path(socket_path)).exists(); }

ProcessIdentity NameLock::holder(const std::string& socket_path) {
  // O_NONBLOCK: it may be a pipe that nobody writes to.
  const Fd fd(::open(lock_path(socket_path).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  std::array<char, 80> text{};
  const ssize_t size = fd.valid() ? ::read(fd.get(), text.data(), text.size()) : -1;
  return ProcessIdentity::parse({text.data(), size > 0 ? static_cast<std::size_t>(size) : 0});
}

bool NameLock::held() const { return fd_.valid() && is_current(fd_.get(), path_); }

void NameLock::release() {
  // Without the file the others would not hold the lock of that path any more. Whoever may not have it for himself has
  // lost his share by asking, which is to go anyway.
  if (held() && (mode_ == Mode::kExclusive || ::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0)) ::unlink(path_.c_str());
  fd_.reset();
}

}  // namespace ipcbridge
