#include <string>
#include <vector>

#include "core/base/module.hpp"
#include "core/doctor/checks.hpp"

namespace ipcbridge::doctor {
namespace {

constexpr const char* kCheck = "shared modules";

}  // namespace

Finding check_modules(const std::string& directory) {
  const Result<std::vector<std::string>> names = module_names(directory);
  if (!names.ok()) return fault(kCheck, names.error().message, "let this user read that folder");
  std::string found;
  for (const std::string& name : names.value()) {
    const Result<const ModuleTable*> opened = open_module(name, directory);
    if (!opened.ok()) return fault(kCheck, opened.error().message, "install ipcbridge again");
    found += (found.empty() ? "" : ", ") + name;
  }
  return ok(kCheck, (found.empty() ? "none" : found) + " in " + directory);
}

}  // namespace ipcbridge::doctor
