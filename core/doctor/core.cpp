#include <string>

#include "core/doctor/checks.hpp"
#include "core/rpc/hello.hpp"

namespace ipcbridge::doctor {

Finding check_core(System&) {
  return ok("core", std::string(IPCBRIDGE_VERSION) + ", protocol " + std::to_string(kProtocolMajor) + "." +
                        std::to_string(kProtocolMinor));
}

}  // namespace ipcbridge::doctor
