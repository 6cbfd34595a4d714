#pragma once

#include <string>

#include "core/base/system.hpp"
#include "core/doctor/finding.hpp"

// Each looks at one thing, and leaves everything as it was, but for shared modules: those stay loaded.
namespace ipcbridge::doctor {

// platform.cpp
Finding check_platform(System& system);

// core.cpp
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

// open_files.cpp
Finding check_open_files(System& system);

// threads.cpp
Finding check_threads(System& system);

// cpus.cpp
Finding check_cpus(System& system);

}  // namespace ipcbridge::doctor
