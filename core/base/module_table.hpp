#pragma once

#include <cstdint>

// What a shared module and whoever opens it agree on. They may have been built by two compilers with two C++ libraries,
// so that nothing but C passes between them: functions with C linkage that throw nothing, numbers, pointers, and
// structures of these.
namespace ipcbridge {

// Another number whenever ModuleTable changes, or a table of functions that `functions` may point to.
inline constexpr std::uint32_t kModuleAbi = 1;

struct ModuleTable {
  std::uint32_t abi;      // kModuleAbi; stays the first member for ever
  const char* version;    // IPCBRIDGE_VERSION
  const void* functions;  // the table of functions that the header of what the module is for declares
};

// What a module defines under the name kModuleSymbol, with C linkage and default visibility. The table is constant, and
// there for as long as the process.
extern "C" using ModuleEntry = const ModuleTable * ();

inline constexpr const char* kModuleSymbol = "ipcbridge_module";

}  // namespace ipcbridge
