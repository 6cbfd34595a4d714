#include "bindings/node/accounts.hpp"

#include <grp.h>
#include <pwd.h>

#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace ipcbridge::node {
namespace {

constexpr std::size_t kEntryBytes = 64UL * 1024;

std::optional<std::uint32_t> number_in(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<uid_t> find_user(const std::string& name) {
  if (const auto number = number_in(name)) return number;
  std::vector<char> buffer(kEntryBytes);
  passwd entry{};
  passwd* found = nullptr;
  getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? std::nullopt : std::optional(entry.pw_uid);
}

std::optional<gid_t> find_group(const std::string& name) {
  if (const auto number = number_in(name)) return number;
  std::vector<char> buffer(kEntryBytes);
  group entry{};
  group* found = nullptr;
  getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? std::nullopt : std::optional(entry.gr_gid);
}

}  // namespace

Result<AllowList> find_accounts(const std::vector<std::string>& names) {
  constexpr std::string_view kGroup = "group:";
  AllowList allow;
  for (const std::string& name : names) {
    if (name.starts_with(kGroup)) {
      const auto gid = find_group(name.substr(kGroup.size()));
      if (!gid) return Error{Code::kInvalidArgument, "allow: there is no group '" + name.substr(kGroup.size()) + "'"};
      allow.gids.push_back(*gid);
    } else {
      const auto uid = find_user(name);
      if (!uid) return Error{Code::kInvalidArgument, "allow: there is no user '" + name + "'"};
      allow.uids.push_back(*uid);
    }
  }
  return allow;
}

}  // namespace ipcbridge::node
