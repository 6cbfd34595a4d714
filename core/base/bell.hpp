#pragma once

#include <utility>

#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"

namespace ipcbridge {

// A thread that waits for descriptors wakes up when it is rung. Any thread.
class Bell {
 public:
  // resource_exhausted when there is no descriptor to be had.
  static Result<Bell> create(System& system);

  int fd() const { return fd_.get(); }
  void ring() const;
  // Takes back all rings so far.
  void silence() const;
  // Blocks until it is rung, which it takes back, until the time is over or a signal arrives.
  void wait(TimePoint until) const;

 private:
  Bell(System& system, Fd fd) : system_(&system), fd_(std::move(fd)) {}

  System* system_;
  Fd fd_;
};

}  // namespace ipcbridge
