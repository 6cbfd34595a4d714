#include "core/base/module.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/base/posix/mapped_file.hpp"

namespace ipcbridge {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSuffix = ".so";

// Something whose address is in this binary.
const char kHere = 0;

// A program is known to the loader by the name that it was started with, and a library by the one that it was opened
// by. Either may be relative to a working directory that is another by now, in which others may have put a file.
std::string this_binary() {
  Dl_info info{};
  if (::dladdr(&kHere, &info) != 0 && info.dli_fname != nullptr && info.dli_fname[0] == '/') return info.dli_fname;
  return mapped_file(&kHere);
}

Error refused(const std::string& why) { return {Code::kFailedPrecondition, why}; }

std::string last_error() {
  const char* error = ::dlerror();  // NOLINT(concurrency-mt-unsafe): of this thread's last call
  return error == nullptr ? "unknown error" : error;
}

}  // namespace

std::string modules_directory() {
  const std::string binary = this_binary();
  if (binary.empty()) return {};
  std::error_code error;
  const fs::path resolved = fs::weakly_canonical(binary, error);
  return ((error ? fs::path(binary) : resolved).parent_path() / "modules").string();
}

Result<std::vector<std::string>> module_names(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == kSuffix) names.push_back(entry->path().stem().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Error{Code::kFailedPrecondition, "the modules in " + directory + " cannot be listed: " + error.message()};
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<const ModuleTable*> load_module(std::string_view name, const std::string& directory) {
  const std::string file = directory + "/" + std::string(name) + kSuffix;
  std::error_code ignored;  // why a file cannot be looked at is told by dlopen
  if (fs::status(file, ignored).type() == fs::file_type::not_found) {
    return refused("this ipcbridge comes without " + std::string(name) + ": there is no " + file);
  }
  void* opened = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (opened == nullptr) return refused(last_error());
  auto* const entry = reinterpret_cast<ModuleEntry*>(::dlsym(opened, kModuleSymbol));
  const ModuleTable* const table = entry == nullptr ? nullptr : entry();
  if (table == nullptr) return refused(file + " is no module of ipcbridge's");
  // First, because of a table with another number nothing else is known.
  if (table->abi != kModuleAbi) {
    return refused(file + " has ABI " + std::to_string(table->abi) + ", and this ipcbridge has " +
                   std::to_string(kModuleAbi));
  }
  if (std::string_view(table->version) != IPCBRIDGE_VERSION) {
    return refused(file + " is of ipcbridge " + table->version + ", and this is " IPCBRIDGE_VERSION);
  }
  return table;
}

Result<const ModuleTable*> open_module(std::string_view name) {
  const std::string directory = modules_directory();
  if (directory.empty()) {
    return refused("it cannot be told where this program is, nor where its modules are: start it by its absolute path");
  }
  Result<const ModuleTable*> loaded = load_module(name, directory);
  return loaded.ok() ? loaded : refused(loaded.error().message + ": " + kModuleRemedy);
}

}  // namespace ipcbridge
