#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/module_table.hpp"
#include "core/base/result.hpp"

namespace ipcbridge {

// Shared modules: parts of ipcbridge that need libraries of their own, each a file `modules/NAME.so` beside the binary
// that this code is linked into. Whoever uses none of them never loads their libraries.

// Where they are: an absolute path; empty where it cannot be told, and then there are none.
std::string modules_directory();

// Those that are there, sorted; none where there is no such directory. failed_precondition when it cannot be read.
Result<std::vector<std::string>> module_names(const std::string& directory = modules_directory());

// Opens a module, which is never closed; once more costs little. failed_precondition when there is none of that name,
// when it cannot be opened, or when it is of another ABI or version. Any thread.
Result<const ModuleTable*> load_module(std::string_view name, const std::string& directory);

// What to do about that.
inline constexpr const char* kModuleRemedy = "install ipcbridge again";

// The same in modules_directory(), with what to do in the message: for users.
Result<const ModuleTable*> open_module(std::string_view name);

}  // namespace ipcbridge
