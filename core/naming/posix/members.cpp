#include "core/naming/members.hpp"

#include <dirent.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>

namespace ipcbridge {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// Only as member_suffix() writes it: the locks beside the sockets are no members, nor is PATH@01.
std::optional<std::uint32_t> member_number(std::string_view file, std::string_view base) {
  if (!file.starts_with(base) || file.size() == base.size()) return std::nullopt;
  const std::string_view suffix = file.substr(base.size());
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(suffix.data() + 1, suffix.data() + suffix.size(), number);
  const bool in_range = error == std::errc() && number >= 1 && number <= kMostMembers;
  if (!in_range || suffix != member_suffix(number)) return std::nullopt;
  return number;
}

}  // namespace

std::string member_suffix(std::uint32_t number) { return "@" + std::to_string(number); }

std::vector<std::uint32_t> find_members(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = path.substr(0, slash + 1);
  const std::string_view base = std::string_view(path).substr(slash + 1);
  std::vector<std::uint32_t> numbers;
  const std::unique_ptr<DIR, CloseDirectory> open(::opendir(directory.c_str()));
  if (!open) return numbers;
  while (const dirent* entry = ::readdir(open.get())) {
    if (const std::optional<std::uint32_t> number = member_number(entry->d_name, base)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace ipcbridge
