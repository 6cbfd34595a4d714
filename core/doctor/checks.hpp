#pragma once

#include <cstdint>
#include <string>

#include "core/base/system.hpp"
#include "core/doctor/finding.hpp"

// Each looks at one thing, and leaves everything as it was, but for shared modules: those stay loaded.
namespace ipcbridge::doctor {

// platform.cpp
Finding check_platform(System& system);
Finding check_core(System& system);

// modules.cpp
Finding check_modules(const std::string& directory);

// shared_memory.cpp
Finding check_shared_memory(System& system);

// sockets.cpp
Finding check_sockets(System& system);

// wake_ups.cpp
Finding check_wake_ups(System& system);
Finding check_path_watching(System& system);

// names.cpp
Finding check_names(System& system);

// limits.cpp
Finding check_open_files(System& system);
Finding check_threads(System& system);
Finding check_cpus(System& system);
// In bytes. The kernel ends a process that writes beyond it (SIGXFSZ).
std::uint64_t file_size_limit();

}  // namespace ipcbridge::doctor
