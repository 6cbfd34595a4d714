#pragma once

#include <string_view>

#include <ipcbridge/ipcbridge.hpp>

namespace ipcbridge {

// The answer of kDescribeMethod. C++ cannot say what a handler's parameters are, so each takes whatever it is given.
Bytes describe_service(std::string_view service, const Methods& methods);

}  // namespace ipcbridge
