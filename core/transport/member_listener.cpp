#include "core/transport/member_listener.hpp"

#include <cstdint>
#include <optional>
#include <utility>

#include "core/naming/members.hpp"
#include "core/transport/unix_listener.hpp"

namespace ipcbridge {
namespace {

std::string member_path(const std::string& path, std::uint32_t number) { return path + member_suffix(number); }

// Whoever may write beside the path may have put something else there, which keeps nobody from the other numbers.
bool is_taken(const Error& why) {
  return why.code == Code::kAlreadyExists || why.code == Code::kFailedPrecondition ||
         why.code == Code::kPermissionDenied;
}

// At the first number that is free.
Result<std::unique_ptr<Listener>> listen_beside(System& system, const std::string& path, mode_t mode) {
  std::optional<Error> obstacle;
  for (std::uint32_t number = 1; number <= kMostMembers; ++number) {
    Result<std::unique_ptr<Listener>> member = UnixListener::listen(system, member_path(path, number), mode);
    if (member.ok() || !is_taken(member.error())) return member;
    if (member.error().code != Code::kAlreadyExists) obstacle = member.error();
  }
  if (obstacle) return *std::move(obstacle);
  return Error{Code::kResourceExhausted, std::to_string(kMostMembers) + " servers share " + path + " already"};
}

// Clients would go on trying them.
void remove_dead(System& system, const std::string& path) {
  for (const std::uint32_t number : find_members(path)) {
    const std::string at = member_path(path, number);
    const Result<NameLock> lock = NameLock::acquire(system, at);
    if (lock.ok()) static_cast<void>(remove_stale_socket(system, at));
  }
}

}  // namespace

Result<std::unique_ptr<Listener>> MemberListener::listen(System& system, const std::string& path, mode_t mode) {
  Result<NameLock> lock = NameLock::acquire(system, path, NameLock::Mode::kShared);
  if (!lock.ok()) return lock.error();
  if (Status status = remove_stale_socket(system, path); !status.ok()) return status.error();
  Result<std::unique_ptr<Listener>> member = listen_beside(system, path, mode);
  if (!member.ok()) return member;
  remove_dead(system, path);
  return std::unique_ptr<Listener>(new MemberListener(std::move(lock).value(), std::move(member).value()));
}

std::vector<std::string> MemberListener::files() const {
  std::vector<std::string> files = member_->files();
  files.push_back(lock_.path());
  return files;
}

}  // namespace ipcbridge
