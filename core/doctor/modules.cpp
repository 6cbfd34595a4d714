#include <string>
#include <vector>

#include "core/base/module.hpp"
#include "core/doctor/checks.hpp"

namespace ipcbridge::doctor {
namespace {

constexpr const char* kCheck = "shared modules";

}  // namespace

Finding check_modules(const std::string& directory) {
  if (directory.empty()) {
    return warning(kCheck, "it cannot be told where this program is, so that it has none",
                   "mount /proc where it runs, or start it by its absolute path");
  }
  const Result<std::vector<std::string>> names = module_names(directory);
  if (!names.ok()) return fault(kCheck, names.error().message, "let this user read that folder");
  std::string loaded;
  std::string broken;
  for (const std::string& name : names.value()) {
    const Result<const ModuleTable*> module = load_module(name, directory);
    if (module.ok()) {
      loaded += (loaded.empty() ? "" : ", ") + name;
    } else {
      broken += (broken.empty() ? "" : "; ") + module.error().message;
    }
  }
  if (!broken.empty()) return fault(kCheck, broken, kModuleRemedy);
  return ok(kCheck, (loaded.empty() ? "none" : loaded) + " in " + directory);
}

}  // namespace ipcbridge::doctor
