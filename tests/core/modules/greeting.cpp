// A module of its own, as tests/core/base/module_test.cpp opens it. MODULE_VERSION and MODULE_ABI are what it says of
// itself.
#include "tests/core/modules/greeting.hpp"

#include "core/base/module_table.hpp"

namespace {

extern "C" const char* greet() { return "hello"; }

const ipcbridge::testing_support::GreetingFunctions kFunctions{&greet};
const ipcbridge::ModuleTable kTable{MODULE_ABI, MODULE_VERSION, &kFunctions};

}  // namespace

extern "C" [[gnu::visibility("default")]] const ipcbridge::ModuleTable* ipcbridge_module() { return &kTable; }
