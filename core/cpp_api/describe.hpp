#pragma once

#include <string_view>

#include <ipcbridge/ipcbridge.hpp>

namespace ipcbridge {

// The hidden method that every service has.
inline constexpr const char* kDescribeMethod = "__describe__";

// Its answer. C++ cannot say what a handler's parameters are, so each takes whatever it is given.
Bytes describe_service(std::string_view service, const Methods& methods);

}  // namespace ipcbridge
