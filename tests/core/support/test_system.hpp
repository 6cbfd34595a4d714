#pragma once

#include "core/base/linux/linux_calls.hpp"
#include "core/base/system.hpp"

namespace ipcbridge::testing_support {

// A System and the calls that it makes in one object: a test overrides of both what it wants. System's own constructor
// takes calls, and of *this it would be its copy constructor that is meant: hence the cast, which is for no test to
// know.
class TestSystem : public LinuxCalls, public System {
 public:
  TestSystem() : System(static_cast<LinuxCalls&>(*this)) {}
};

}  // namespace ipcbridge::testing_support
