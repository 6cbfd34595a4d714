#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace ipcbridge {

// Shared modules: parts of ipcbridge that need libraries of their own, each a file `modules/NAME.so` beside the binary
// that this code is linked into. Whoever uses none of them never loads their libraries.

// What a module defines as `extern "C" [[gnu::visibility("default")]] const`, of the name kModuleSymbol. It is of the
// same build as whoever opens it, so what `make` gives may be of any type of the core's.
struct ModuleEntry {
  const char* version = nullptr;  // IPCBRIDGE_VERSION
  void* (*make)() = nullptr;
};

inline constexpr const char* kModuleSymbol = "ipcbridge_module";

// Where they are: an absolute path; empty where it cannot be told, and then there are none.
std::string modules_directory();

// Those that are there, sorted.
std::vector<std::string> module_names();

// Opens a module, which is never closed; once more costs little. unimplemented when there is none of that name,
// failed_precondition when it cannot be opened, or is of another version. Any thread.
Result<const ModuleEntry*> open_module(std::string_view name);

}  // namespace ipcbridge
