#include "core/base/known_ids.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "core/base/linux/id_maps.hpp"

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

KnownIds parse_id_maps(std::string_view uid_map, std::string_view overflow_uid, std::string_view gid_map,
                       std::string_view overflow_gid) {
  return {maps_all(uid_map), parse_id(overflow_uid), maps_all(gid_map), parse_id(overflow_gid)};
}

KnownIds KnownIds::read() {
  return parse_id_maps(content("/proc/self/uid_map"), content("/proc/sys/kernel/overflowuid"),
                       content("/proc/self/gid_map"), content("/proc/sys/kernel/overflowgid"));
}

uid_t effective_user() { return ::geteuid(); }

}  // namespace ipcbridge
