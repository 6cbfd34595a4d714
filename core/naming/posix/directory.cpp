#include "core/naming/directory.hpp"

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

Error refused(const std::string& path, const std::string& why) {
  return {Code::kFailedPrecondition, "the directory of service names, " + path + ", " + why +
                                         ": remove it, or set IPCBRIDGE_DIR to a directory of your own"};
}

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

Result<std::string> NamesDirectory::check() const {
  const std::string at = path();
  if (at.front() != '/') return Error{Code::kInvalidArgument, "IPCBRIDGE_DIR must be an absolute path, not " + at};
  struct stat info {};
  if (::lstat(at.c_str(), &info) != 0) {
    if (errno == ENOENT) return at;
    return file_error(errno, "cannot use the directory of service names, " + at);
  }
  if (S_ISLNK(info.st_mode)) return refused(at, "is a symbolic link");
  if (!S_ISDIR(info.st_mode)) return refused(at, "is not a directory");
  if (info.st_uid != ::geteuid()) return refused(at, "belongs to user " + std::to_string(info.st_uid));
  if ((info.st_mode & 0077U) != 0) return refused(at, "is open to other users (its mode must be 0700)");
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
