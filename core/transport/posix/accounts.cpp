#include "core/transport/accounts.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/base/posix/system_calls.hpp"

namespace ipcbridge {
namespace {

constexpr std::string_view kGroup = "group:";

std::optional<std::uint32_t> number_in(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// A group of thousands has an entry of hundreds of kilobytes; only the attempt tells.
template <typename Ask>
int ask_with_room(Ask ask) {
  constexpr std::size_t kMost = 64UL * 1024 * 1024;
  constexpr int kTries = 100;
  std::vector<char> room(16UL * 1024);
  int interrupted = 0;
  for (;;) {
    const int error = ask(room.data(), room.size());
    if (error == ERANGE && room.size() < kMost) {
      room.resize(4 * room.size());
    } else if (error != EINTR || ++interrupted == kTries) {
      return error;
    }
  }
}

// Databases differ in how they say that there is no such entry; getpwnam(3) lists these.
bool means_unknown(int error) {
  return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

Error not_told(const std::string& what, int error) {
  const bool scarce = error == EMFILE || error == ENFILE || error == ENOMEM || error == ERANGE;
  return {scarce ? Code::kResourceExhausted : Code::kUnavailable,
          "allow: cannot look up " + what + ": " + std::strerror(error)};
}

Error unknown(const std::string& what) {
  return {Code::kInvalidArgument, "allow: there is no " + what + " on this machine"};
}

Result<uid_t> find_user(System& system, const std::string& name) {
  if (const auto number = number_in(name)) {
    return Error{
        Code::kInvalidArgument,
        "allow: '" + name + "' is a string, and no user's name: write a uid as a number, " + std::to_string(*number)};
  }
  passwd entry{};
  passwd* found = nullptr;
  const int error = ask_with_room([&](char* room, std::size_t size) {
    return system.calls().getpwnam_r(name.c_str(), &entry, room, size, &found);
  });
  if (found != nullptr) return entry.pw_uid;
  const std::string what = "user '" + name + "'";
  return means_unknown(error) ? unknown(what) : not_told(what, error);
}

Result<gid_t> find_group(System& system, const std::string& name) {
  if (const auto number = number_in(name)) return *number;
  group entry{};
  group* found = nullptr;
  const int error = ask_with_room([&](char* room, std::size_t size) {
    return system.calls().getgrnam_r(name.c_str(), &entry, room, size, &found);
  });
  if (found != nullptr) return entry.gr_gid;
  const std::string what = "group '" + name + "'";
  return means_unknown(error) ? unknown(what) : not_told(what, error);
}

}  // namespace

Status add_accounts(System& system, const std::vector<std::string>& names, AllowList& allow) {
  for (const std::string& name : names) {
    // The databases would look for what stands before it.
    if (name.find('\0') != std::string::npos)
      return Error{Code::kInvalidArgument, "allow: a name with a null character"};
    if (name.starts_with(kGroup)) {
      const Result<gid_t> gid = find_group(system, name.substr(kGroup.size()));
      if (!gid.ok()) return gid.error();
      allow.gids.push_back(gid.value());
    } else {
      const Result<uid_t> uid = find_user(system, name);
      if (!uid.ok()) return uid.error();
      allow.uids.push_back(uid.value());
    }
  }
  return {};
}

}  // namespace ipcbridge
