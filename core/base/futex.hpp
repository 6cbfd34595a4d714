#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/clock.hpp"
#include "core/base/system.hpp"

namespace ipcbridge {

// Sleeps while word == expected, until woken, until the system's clock is at the deadline, or until a signal arrives;
// may also wake for no reason. std::atomic::wait will not do: it neither times out nor returns on a signal, and Ctrl-C
// must end every wait.
void futex_wait(System& system, const std::atomic<std::uint32_t>& word, std::uint32_t expected, TimePoint deadline);
void futex_wake_one(const std::atomic<std::uint32_t>& word);

}  // namespace ipcbridge
