#include "core/naming/directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "core/naming/file_error.hpp"

namespace ipcbridge {
namespace {

constexpr const char* kVariable = "IPCBRIDGE_DIR";
constexpr const char* kSessions = "/run/user";

std::string configured_directory() {
  const char* set = std::getenv(kVariable);
  std::string path = set == nullptr ? "" : set;
  while (path.size() > 1 && path.back() == '/') path.pop_back();  // behind a slash a symbolic link would not show
  return path;
}

std::string named(const std::string& path) { return "the directory of service names, " + path; }

std::string user(uid_t id) { return "user " + std::to_string(id); }

Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return file_error(errno, "cannot make " + path + ", for the directory of service names");
}

Status make_parents(const std::string& path) {
  struct stat info {};
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    if (::stat(parent.c_str(), &info) == 0) continue;  // where it cannot be made because it is there: a read-only root
    if (Status status = make_directory(parent); !status.ok()) return status;
  }
  return {};
}

// Of a directory that is somebody else's or open to others.
std::string remedy_of(const struct stat& info, bool is_configured) {
  const bool is_own = info.st_uid == ::geteuid();
  if (!is_configured) {  // its name says that it is ipcbridge's
    return "remove it" + (is_own ? "" : " as " + user(info.st_uid) + " or root") + ", or " + NamesDirectory::kElsewhere;
  }
  // One that is open to others, or root's, may be anything.
  const bool is_fit = S_ISDIR(info.st_mode) && (info.st_mode & 0077U) == 0 && info.st_uid != 0;
  return (is_fit && !is_own ? "run this as " + user(info.st_uid) + ", or " : "") + NamesDirectory::kElsewhere;
}

}  // namespace

NamesDirectory::NamesDirectory() : configured_(configured_directory()) {}

Status NamesDirectory::set_environment(const std::string& path) {
  const char* set = std::getenv(kVariable);
  if (path == (set == nullptr ? "" : set)) return {};  // others may read it at this moment, so it is seldom written
  if (::setenv(kVariable, path.c_str(), 1) == 0) return {};
  return file_error(errno, std::string("cannot set ") + kVariable);
}

std::string NamesDirectory::path() const {
  if (!configured_.empty()) return configured_;
  const std::string user = std::to_string(::geteuid());
  struct stat info {};
  // The directory and not $XDG_RUNTIME_DIR: cron jobs and services have the one and not the other.
  const std::string run = std::string(kSessions) + "/" + user;
  if (::stat(run.c_str(), &info) == 0 && info.st_uid == ::geteuid()) return run + "/ipcbridge";
  return "/tmp/ipcbridge-" + user;
}

std::optional<NamesDirectory::Refusal> NamesDirectory::refusal(const std::string& path) const {
  if (path.front() != '/') {
    return Refusal{{Code::kInvalidArgument, "IPCBRIDGE_DIR must be an absolute path, not " + path}, kElsewhere};
  }
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    const int error = errno;
    if (error == ENOENT) return std::nullopt;
    const std::string reach = error == EACCES ? "let " + user(::geteuid()) + " reach " + path + ", or " : "";
    return Refusal{file_error(error, "cannot use " + named(path)), reach + kElsewhere};
  }
  std::string why;
  if (S_ISLNK(info.st_mode)) {
    why = "is a symbolic link";
  } else if (!S_ISDIR(info.st_mode)) {
    why = "is not a directory";
  } else if (info.st_uid != ::geteuid()) {
    why = "belongs to " + user(info.st_uid);
  } else if ((info.st_mode & 0077U) != 0) {
    why = "is open to other users (its mode must be 0700)";
  } else {
    return std::nullopt;
  }
  return Refusal{{Code::kFailedPrecondition, named(path) + ", " + why}, remedy_of(info, !configured_.empty())};
}

std::optional<NamesDirectory::Refusal> NamesDirectory::refusal_of_services(const std::string& path) {
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return std::nullopt;
  const int error = errno;
  std::string first;
  if (error == EACCES) first = "let " + user(::geteuid()) + " write to it (its mode must be 0700), or ";
  if (error == EROFS) first = "mount its file system writable, or ";
  return Refusal{file_error(error, "no service can write to " + named(path)), first + kElsewhere};
}

Result<std::string> NamesDirectory::check() const {
  const std::string at = path();
  if (const std::optional<Refusal> refused = refusal(at)) return refused->error();
  return at;
}

Result<std::string> NamesDirectory::make() const {
  Result<std::string> at = check();
  if (!at.ok()) return at;
  struct stat info {};
  if (::lstat(at.value().c_str(), &info) == 0) return at;
  if (!configured_.empty()) {
    if (Status status = make_parents(at.value()); !status.ok()) return status.error();
  }
  if (Status status = make_directory(at.value()); !status.ok()) return status.error();
  return check();  // somebody else may have been quicker
}

std::string NamesDirectory::sessions() const {
  if (!follows_sessions()) return "";
  struct stat info {};
  return ::stat(kSessions, &info) == 0 ? kSessions : "/run";
}

}  // namespace ipcbridge
