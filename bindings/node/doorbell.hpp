#pragma once

#include <chrono>

#include "core/base/clock.hpp"

namespace ipcbridge::node {

// How long one turn of the event loop may be spent on messages before everybody else gets theirs.
inline constexpr Duration kLoopBudget = std::chrono::milliseconds(1);

// What a doorbell calls, on the JavaScript thread.
class Drainer {
 public:
  Drainer() = default;
  virtual ~Drainer() = default;
  Drainer(const Drainer&) = delete;
  Drainer& operator=(const Drainer&) = delete;

  // Turns the Driver and hands what it says to JavaScript, a batch at a time. True when the deadline passed
  // and there may be more.
  virtual bool drain(bool poll, TimePoint deadline) = 0;

  // Whether something pending keeps the process alive.
  virtual bool wants_alive() const = 0;

  virtual bool may_spin() const = 0;
};

// Calls the Drainer whenever the Driver has something to do.
class Doorbell {
 public:
  Doorbell() = default;
  virtual ~Doorbell() = default;
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  // To be called after the Driver was: it looks at its connections itself now and must be told before the
  // thread waits again.
  virtual void touched() = 0;

  // Keeps the event loop alive from now on. The doorbell lets go by itself after a drain, when the Drainer
  // does not want it any more.
  virtual void keep_alive() = 0;
};

}  // namespace ipcbridge::node
