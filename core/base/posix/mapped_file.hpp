#pragma once

#include <string>

namespace ipcbridge {

// The absolute path of the file from which this code or data of the process was loaded; empty where it cannot be told.
std::string mapped_file(const void* address);

}  // namespace ipcbridge
