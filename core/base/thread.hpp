#pragma once

#include <functional>
#include <thread>

#include "core/base/result.hpp"
#include "core/base/system.hpp"

namespace ipcbridge {

// Starts a thread that gets none of the program's signals. resource_exhausted when there are no more threads.
Result<std::thread> start_thread(System& system, std::function<void()> body);

// Whether this thread is the one that the program began with; in a forked child the one that forked.
bool is_main_thread();

}  // namespace ipcbridge
