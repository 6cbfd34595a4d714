#include <sys/utsname.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include <string>

#include "core/doctor/checks.hpp"

namespace ipcbridge::doctor {
namespace {

std::string libc() {
#ifdef __GLIBC__
  return std::string("glibc ") + ::gnu_get_libc_version();
#else
  return "musl";  // which tells no version
#endif
}

}  // namespace

Finding check_platform(System&) {
  utsname name{};
  if (::uname(&name) != 0) return ok("platform", libc());
  return ok("platform", std::string(name.sysname) + " " + name.release + ", " + name.machine + ", " + libc());
}

}  // namespace ipcbridge::doctor
