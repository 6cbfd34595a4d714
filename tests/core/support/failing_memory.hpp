#pragma once

#include <cstddef>

namespace ipcbridge::testing_support {

// While it lives, some of this thread's allocations fail: `count` of them, after the first `spared`. One at a time.
class FailingMemory {
 public:
  FailingMemory(std::size_t spared, std::size_t count);
  ~FailingMemory();
  FailingMemory(const FailingMemory&) = delete;
  FailingMemory& operator=(const FailingMemory&) = delete;

  // Whether any allocation has failed.
  static bool has_failed();

  // Only what happens between these counts: the test's own allocations do not.
  class Armed {
   public:
    Armed();
    ~Armed();
    Armed(const Armed&) = delete;
    Armed& operator=(const Armed&) = delete;
  };
};

}  // namespace ipcbridge::testing_support
