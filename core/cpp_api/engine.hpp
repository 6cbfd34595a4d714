#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include <ipcbridge/ipcbridge.hpp>

#include "core/base/clock.hpp"
#include "core/base/system.hpp"
#include "core/workers/blocking_driver.hpp"
#include "core/workers/state_tracker.hpp"

namespace ipcbridge {

// What a Bridge, its Remotes and its Services share; the last of them takes it away.
class Engine {
 public:
  Engine(System& system, bool spin);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // A Bridge on a System of one's own, for tests that have it fail.
  static Bridge bridge(System& system);

  System& system() const { return system_; }
  // Throws failed_precondition in a forked child.
  BlockingDriver& driver();
  StateTracker& states() { return *states_; }
  bool forked() const;

 private:
  System& system_;
  const std::uint32_t generation_;
  std::unique_ptr<StateTracker> states_;  // before the driver, which writes to it until it has gone
  std::unique_ptr<BlockingDriver> driver_;
};

// Throws invalid_argument when negative.
Duration checked_duration(std::chrono::nanoseconds value, std::string_view what);

}  // namespace ipcbridge
