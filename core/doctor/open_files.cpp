#include <cstdint>
#include <limits>
#include <string>

#include "core/doctor/checks.hpp"
#include "core/doctor/remedy.hpp"
#include "core/transport/descriptors.hpp"

namespace ipcbridge::doctor {
namespace {

// Fewer are gone before the first connection, with what a program has open besides; the other is what systems give.
constexpr std::uint64_t kLeastDescriptors = 64;
constexpr std::uint64_t kUsualDescriptors = 1024;

}  // namespace

Finding check_open_files(System&) {
  constexpr const char* kCheck = "open files";
  const DescriptorLimits limits = descriptor_limits();
  if (limits.limit == std::numeric_limits<std::uint64_t>::max()) return ok(kCheck, "no limit");
  const std::string found = "at most " + std::to_string(limits.limit) +
                            ": a connection takes one, and a service leaves " +
                            std::to_string(limits.limit - limits.reserved_from) + " to its program";
  if (limits.limit < kLeastDescriptors) return fault(kCheck, found, raise_open_files());
  if (limits.limit < kUsualDescriptors) return warning(kCheck, found, raise_open_files());
  return ok(kCheck, found);
}

}  // namespace ipcbridge::doctor
