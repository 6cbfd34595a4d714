#pragma once

#include <functional>
#include <thread>

#include "core/base/clock.hpp"

namespace ipcbridge {

// Every platform's own: core/base/<platform>/.
class SystemCalls;

// The one seam to the operating system: every call that can fail for want of descriptors, memory or
// permission goes through it, and so does the time, so that a test makes the one fail and the other pass. Any thread.
class System {
 public:
  // With the machine's own calls.
  System();
  virtual ~System() = default;
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  // For what knows the platform.
  SystemCalls& calls() const { return calls_; }

  // The clock that deadlines are made of and looked at with.
  virtual TimePoint now();

  // As std::thread's constructor: throws std::system_error where there are no more threads.
  virtual std::thread start_thread(std::function<void()> body);

  // The machine's own, shared by everyone who injects no faults.
  static System& real();

 protected:
  // `calls` has to live as long.
  explicit System(SystemCalls& calls) : calls_(calls) {}

 private:
  SystemCalls& calls_;
};

}  // namespace ipcbridge
