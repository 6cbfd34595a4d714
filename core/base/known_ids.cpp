#include "core/base/known_ids.hpp"

#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace ipcbridge {
namespace {

constexpr std::uint32_t kUsualOverflow = 65534;
// All ids but the last, which is none.
constexpr std::uint64_t kAllIds = 0xffff'ffff;

std::string content(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A line for each range: its first id here, its first id outside, and how many there are.
bool maps_all(std::string_view map) {
  std::istringstream lines{std::string(map)};
  std::uint64_t mapped = 0;
  std::uint64_t here = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  while (lines >> here >> outside >> count) mapped += count;
  return mapped >= kAllIds;
}

std::uint32_t parse_id(std::string_view text) {
  std::uint32_t id = kUsualOverflow;
  std::from_chars(text.data(), text.data() + text.size(), id);
  return id;
}

}  // namespace

KnownIds KnownIds::read() {
  return {content("/proc/self/uid_map"), content("/proc/sys/kernel/overflowuid"), content("/proc/self/gid_map"),
          content("/proc/sys/kernel/overflowgid")};
}

KnownIds::KnownIds(std::string_view uid_map, std::string_view overflow_uid, std::string_view gid_map,
                   std::string_view overflow_gid)
    : all_users_(maps_all(uid_map)),
      all_groups_(maps_all(gid_map)),
      overflow_uid_(parse_id(overflow_uid)),
      overflow_gid_(parse_id(overflow_gid)) {}

}  // namespace ipcbridge
