#include <algorithm>
#include <array>
#include <cstddef>

#include <ipcbridge/code.hpp>

namespace ipcbridge {
namespace {

constexpr std::array<std::string_view, kCodeCount> kNames = {
    "ok",        "cancelled",      "unknown",           "invalid_argument",   "deadline_exceeded",
    "not_found", "already_exists", "permission_denied", "resource_exhausted", "failed_precondition",
    "aborted",   "out_of_range",   "unimplemented",     "internal",           "unavailable",
    "data_loss", "unauthenticated"};

}  // namespace

std::string_view code_name(Code code) { return kNames.at(static_cast<std::size_t>(code)); }

std::optional<Code> code_from_name(std::string_view name) {
  const auto* found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Code>(found - kNames.begin());
}

std::optional<Code> code_from_number(std::uint8_t number) {
  if (number >= kCodeCount) return std::nullopt;
  return static_cast<Code>(number);
}

}  // namespace ipcbridge
