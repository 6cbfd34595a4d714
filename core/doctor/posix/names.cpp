#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "core/base/fd.hpp"
#include "core/base/random.hpp"
#include "core/doctor/checks.hpp"
#include "core/doctor/posix/file_size.hpp"
#include "core/doctor/remedy.hpp"
#include "core/naming/address.hpp"
#include "core/naming/directory.hpp"
#include "core/naming/name_lock.hpp"
#include "core/rpc/hello.hpp"
#include "core/transport/socket.hpp"

namespace ipcbridge::doctor {
namespace {

constexpr const char* kCheck = "names";
constexpr const char* kElsewhere = NamesDirectory::kElsewhere;
constexpr std::size_t kSuffixBytes = std::string_view("/.sock").size();

std::string user() { return "user " + std::to_string(::geteuid()); }

// The nearest directory above a path that is there.
std::string existing_parent(std::string path) {
  struct stat info {};
  do {
    path.resize(path.rfind('/'));
  } while (!path.empty() && ::stat(path.c_str(), &info) != 0);
  return path.empty() ? "/" : path;
}

// Of a directory that the first service makes. It is not made now: who runs this may be another user.
Finding not_made_yet(const std::string& path) {
  const std::string parent = existing_parent(path);
  if (::faccessat(AT_FDCWD, parent.c_str(), W_OK | X_OK, AT_EACCESS) == 0) {
    return ok(kCheck, path + ", which the first service makes");
  }
  const std::string why = std::strerror(errno);
  return fault(kCheck, path + " is missing, and " + user() + " cannot make it in " + parent + ": " + why,
               "make it for " + user() + " (`install -d -m 700 -o " + std::to_string(::geteuid()) + " " + path +
                   "` as root), or " + kElsewhere);
}

// What a service and its client do there.
Status rehearse(System& system, const std::string& socket) {
  Result<NameLock> lock = NameLock::acquire(system, socket);
  if (!lock.ok()) return lock.error();
  const Result<Fd> listener = listen_unix(system, socket, 0600);
  if (!listener.ok()) return listener.error();
  const Result<Fd> client = connect_unix(system, socket);
  ::unlink(socket.c_str());
  if (!client.ok()) return client.error();
  const Result<Fd> accepted = accept_unix(system, listener.value().get());
  if (!accepted.ok()) return accepted.error();
  return {};
}

struct Room {
  bool is_full = false;
  std::string words;  // "12.3 GB free"
};

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", mode);
  return text.data();
}

std::string gigabytes(double bytes) {
  std::array<char, 32> text{};
  const bool many = bytes >= 1e9;
  std::snprintf(text.data(), text.size(), "%.1f %s free", bytes / (many ? 1e9 : 1e6), many ? "GB" : "MB");
  return text.data();
}

Room room_at(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return {};
  // Some of it is for root alone. File systems without a bound tell zero of all.
  const std::uint64_t blocks = ::geteuid() == 0 ? info.f_bfree : info.f_bavail;
  const std::uint64_t files = ::geteuid() == 0 ? info.f_ffree : info.f_favail;
  Room room;
  room.is_full = (info.f_blocks > 0 && blocks == 0) || (info.f_files > 0 && files == 0);
  if (info.f_blocks > 0) room.words = gigabytes(static_cast<double>(blocks) * static_cast<double>(info.f_frsize));
  return room;
}

std::string free_space(const std::string& path) {
  return "free some space, and files (`df " + path + "`, `df -i " + path + "`), or " + kElsewhere;
}

std::string remedy_of_failure(const std::string& path, const Room& room, Code code) {
  if (room.is_full && code == Code::kResourceExhausted) return free_space(path);
  if (code == Code::kResourceExhausted) return raise_open_files();
  return std::string(kElsewhere) + ", on a local file system whose files can be locked";
}

// No name of a service begins with a dot. Others may look at the same time, in threads of this process and in
// containers that share the directory, in which processes have the same ids.
std::string fresh_name() {
  std::array<std::byte, 6> random{};
  static_cast<void>(fill_random(random));
  std::string name = ".doctor-";
  for (const std::byte byte : random) {
    std::array<char, 3> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", std::to_integer<unsigned>(byte));
    name += hex.data();
  }
  return name;
}

Finding examine_directory(System& system, const std::string& path, mode_t mode) {
  if (const auto refusal = NamesDirectory::refusal_of_services(path)) {
    return fault(kCheck, refusal->why.message, refusal->remedy);
  }
  const Room room = room_at(path);
  const std::string socket = path + "/" + fresh_name();
  // Where not even a lock may be written, whoever serves is ended.
  const bool fits = socket.size() <= kMaxSocketPath && file_size_limit() >= kMaxSocketPath;
  if (const Status status = fits ? rehearse(system, socket) : Status(); !status.ok()) {
    return fault(kCheck, "no service can listen in " + path + ": " + status.error().message,
                 remedy_of_failure(path, room, status.error().code));
  }
  if (room.is_full) {
    return warning(kCheck, path + " is on a full file system; services can still listen there", free_space(path));
  }
  return ok(kCheck, path + ", of " + user() + ", mode " + octal(mode) + (room.words.empty() ? "" : ", " + room.words));
}

}  // namespace

Finding check_names(System& system) {
  const NamesDirectory directory;
  const std::string path = directory.path();
  if (const auto refusal = directory.refusal(path)) return fault(kCheck, refusal->why.message, refusal->remedy);
  if (path.size() + kSuffixBytes >= kMaxSocketPath) {
    return fault(kCheck,
                 path + " is too long: a socket's path has at most " + std::to_string(kMaxSocketPath) + " bytes",
                 "set IPCBRIDGE_DIR to a shorter path");
  }
  struct stat info {};
  Finding finding =
      ::lstat(path.c_str(), &info) == 0 ? examine_directory(system, path, info.st_mode & 0777U) : not_made_yet(path);
  const std::size_t longest = kMaxSocketPath - kSuffixBytes - path.size();
  if (finding.verdict == Verdict::kOk && longest < kMaxNameBytes) {
    return warning(kCheck,
                   finding.found + "; names may have " + std::to_string(longest) + " characters, and not " +
                       std::to_string(kMaxNameBytes),
                   "set IPCBRIDGE_DIR to a shorter path");
  }
  return finding;
}

}  // namespace ipcbridge::doctor
