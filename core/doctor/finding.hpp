#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ipcbridge::doctor {

enum class Verdict : std::uint8_t {
  kOk,
  kWarning,  // everything works, and could work better
  kFault,    // something that the library relies on is missing, or is refused
};

// What one check has found.
struct Finding {
  std::string check;  // what was looked at, such as "shared memory"
  Verdict verdict = Verdict::kOk;
  std::string found;
  std::string remedy;  // what to do; empty when all is well
};

inline Finding ok(std::string check, std::string found) {
  return {std::move(check), Verdict::kOk, std::move(found), {}};
}
inline Finding warning(std::string check, std::string found, std::string remedy) {
  return {std::move(check), Verdict::kWarning, std::move(found), std::move(remedy)};
}
inline Finding fault(std::string check, std::string found, std::string remedy) {
  return {std::move(check), Verdict::kFault, std::move(found), std::move(remedy)};
}

// "ok", "warning" or "fault".
std::string_view verdict_name(Verdict verdict);

}  // namespace ipcbridge::doctor
