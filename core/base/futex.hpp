#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/clock.hpp"

namespace ipcbridge {

// Sleeps while word == expected, until woken, until the deadline, or until a signal arrives; may also wake
// for no reason. std::atomic::wait will not do: it neither times out nor returns on a signal, and Ctrl-C
// must end every wait.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, TimePoint deadline);
void futex_wake_one(const std::atomic<std::uint32_t>& word);

}  // namespace ipcbridge
