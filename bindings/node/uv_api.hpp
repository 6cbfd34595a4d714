#pragma once

#include <uv.h>

namespace ipcbridge::node {

// The functions of libuv that the addon uses, found in the running process: Node.js exports them, and an
// addon that linked libuv would bring a second one. Types and constants come from uv.h; libuv keeps its
// ABI within major version 1.
struct UvApi {
  decltype(&::uv_poll_init) poll_init = nullptr;
  decltype(&::uv_poll_start) poll_start = nullptr;
  decltype(&::uv_prepare_init) prepare_init = nullptr;
  decltype(&::uv_prepare_start) prepare_start = nullptr;
  decltype(&::uv_check_init) check_init = nullptr;
  decltype(&::uv_check_start) check_start = nullptr;
  decltype(&::uv_idle_init) idle_init = nullptr;
  decltype(&::uv_idle_start) idle_start = nullptr;
  decltype(&::uv_idle_stop) idle_stop = nullptr;
  decltype(&::uv_close) close = nullptr;
  decltype(&::uv_ref) ref = nullptr;
  decltype(&::uv_unref) unref = nullptr;
  decltype(&::uv_backend_fd) backend_fd = nullptr;
  decltype(&::uv_backend_timeout) backend_timeout = nullptr;

  // False when the runtime lacks one of them.
  bool load();
};

}  // namespace ipcbridge::node
