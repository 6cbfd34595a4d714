// A module of its own, as tests/core/base/module_test.cpp opens it. MODULE_VERSION is what it says of itself.
#include "core/base/module.hpp"

namespace {

void* make() {
  static const char* greeting = "hello";
  return &greeting;
}

}  // namespace

extern "C" [[gnu::visibility("default")]] const ipcbridge::ModuleEntry ipcbridge_module{MODULE_VERSION, &make};
