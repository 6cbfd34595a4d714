#pragma once

#include <filesystem>
#include <string>

#include "core/base/module.hpp"

namespace ipcbridge::testing_support {

// The folder of those shared modules of tests/core/CMakeLists.txt that cannot be opened.
inline std::string broken_modules() {
  return std::filesystem::path(modules_directory()).parent_path() / "broken_modules";
}

}  // namespace ipcbridge::testing_support
