#include "bindings/node/uv_api.hpp"

#include <dlfcn.h>

namespace ipcbridge::node {
namespace {

template <typename Function>
bool find(Function& function, const char* name) {
  function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
  return function != nullptr;
}

}  // namespace

bool UvApi::load() {
  return find(handle_size, "uv_handle_size") && find(poll_init, "uv_poll_init") && find(poll_start, "uv_poll_start") &&
         find(prepare_init, "uv_prepare_init") && find(prepare_start, "uv_prepare_start") &&
         find(check_init, "uv_check_init") && find(check_start, "uv_check_start") && find(idle_init, "uv_idle_init") &&
         find(idle_start, "uv_idle_start") && find(idle_stop, "uv_idle_stop") && find(close, "uv_close") &&
         find(ref, "uv_ref") && find(unref, "uv_unref") && find(backend_fd, "uv_backend_fd") &&
         find(backend_timeout, "uv_backend_timeout");
}

}  // namespace ipcbridge::node
