#pragma once

#include <string>

#include "core/base/result.hpp"

namespace ipcbridge {

// "`what`: No space left on device", with the code that an errno of a file means to whoever wants to serve there.
Error file_error(int error, const std::string& what);

// The same for a file that may be somebody else's, which is what the sentence then says, and what can be done.
Error claim_error(int error, const std::string& what, const std::string& path);

}  // namespace ipcbridge
