#pragma once

namespace ipcbridge {

// How many calls may wait for one another, each made by the handler of the one before: more are a recursion without
// end.
inline constexpr unsigned kMaxNestedCalls = 128;

}  // namespace ipcbridge
