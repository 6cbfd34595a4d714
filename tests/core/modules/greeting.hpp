#pragma once

namespace ipcbridge::testing_support {

// What the module `greeting` can do.
struct GreetingFunctions {
  const char* (*greet)();
};

}  // namespace ipcbridge::testing_support
