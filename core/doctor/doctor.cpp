#include "core/doctor/doctor.hpp"

#include <cstddef>

#include "core/base/module.hpp"
#include "core/base/utf8.hpp"
#include "core/doctor/checks.hpp"

namespace ipcbridge::doctor {
namespace {

constexpr std::size_t kLongestLine = 16384;  // holds some paths

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kFault:
      break;
  }
  return "fault";
}

std::vector<Finding> examine(System& system) {
  std::vector<Finding> findings = {
      check_platform(system),      check_core(system),    check_modules(modules_directory()),
      check_shared_memory(system), check_sockets(system), check_wake_ups(system),
      check_path_watching(system), check_names(system),   check_open_files(system),
      check_threads(system),       check_cpus(system)};
  for (Finding& finding : findings) {
    // Paths are whatever bytes somebody has written.
    finding.found = printable(finding.found, kLongestLine);
    finding.remedy = printable(finding.remedy, kLongestLine);
  }
  return findings;
}

}  // namespace ipcbridge::doctor
