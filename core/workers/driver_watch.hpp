#pragma once

#include <utility>

#include "core/base/bell.hpp"
#include "core/base/clock.hpp"
#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/base/system.hpp"

namespace ipcbridge {

// The Driver's descriptor as those watch it who read when no caller does: while a caller blocks on the descriptor
// itself, their interest is switched off, so that a message wakes one thread and not two.
class DriverWatch {
 public:
  static Result<DriverWatch> create(System& system, int driver_fd);

  // Readable when the Driver's descriptor is, while the interest is on.
  int fd() const { return set_.get(); }
  // One thread at a time.
  void set_interest(bool on);

  enum class Wake : unsigned char { kNobody, kBell, kMessage };
  // Blocks until the Driver has something to read, the bell is rung, the time is over or a signal arrives.
  Wake wait(const Bell& bell, TimePoint until) const;

 private:
  DriverWatch(System& system, Fd set, int driver_fd) : system_(&system), set_(std::move(set)), driver_fd_(driver_fd) {}

  System* system_;
  Fd set_;
  int driver_fd_;
  bool interest_ = true;
};

}  // namespace ipcbridge
