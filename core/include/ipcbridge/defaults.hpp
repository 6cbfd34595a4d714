#pragma once

#include <chrono>
#include <cstdint>

// What options are where nothing is given, in every language: C++ takes it from here, Node.js and Python from their
// native modules.
namespace ipcbridge::defaults {

inline constexpr std::chrono::seconds kConnectTimeout{10};
inline constexpr std::chrono::seconds kTakeoverTimeout{2};
inline constexpr std::chrono::seconds kGrace{10};                       // of a service that closes, or is replaced
inline constexpr std::uint64_t kMaxQueuedBytes = 256ULL * 1024 * 1024;  // of calls that wait on the caller's side
inline constexpr unsigned kThreads = 8;                                 // of a service, for its handlers

}  // namespace ipcbridge::defaults

namespace ipcbridge {

// Of a service.
inline constexpr unsigned kMaxThreads = 1024;

// The least that a limit in bytes may be: less does not hold a call with a few arguments.
inline constexpr unsigned kLeastLimitBytes = 1024;

}  // namespace ipcbridge
