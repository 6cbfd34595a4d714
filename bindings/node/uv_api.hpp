#pragma once

#include <cstddef>
#include <memory>

// The event loop as napi_get_uv_event_loop declares it.
struct uv_loop_s;

namespace ipcbridge::node {

// What the addon uses of libuv, found in the running process: Node.js exports it, and an addon that linked libuv
// would bring a second one. It is declared here, so that no header of libuv is needed: libuv keeps its ABI within
// major version 1, and tells itself how large its handles are.
using UvLoop = uv_loop_s;

// The beginning of every handle; the rest is libuv's own.
struct UvHandle {
  void* data;
};

struct UvApi {
  // Of uv_handle_type.
  enum class Type : int { kCheck = 2, kIdle = 6, kPoll = 8, kPrepare = 9 };
  static constexpr int kReadable = 1;

  using Callback = void (*)(UvHandle*);
  using PollCallback = void (*)(UvHandle*, int status, int events);

  std::size_t (*handle_size)(Type) = nullptr;
  int (*poll_init)(UvLoop*, UvHandle*, int fd) = nullptr;
  int (*poll_start)(UvHandle*, int events, PollCallback) = nullptr;
  int (*prepare_init)(UvLoop*, UvHandle*) = nullptr;
  int (*prepare_start)(UvHandle*, Callback) = nullptr;
  int (*check_init)(UvLoop*, UvHandle*) = nullptr;
  int (*check_start)(UvHandle*, Callback) = nullptr;
  int (*idle_init)(UvLoop*, UvHandle*) = nullptr;
  int (*idle_start)(UvHandle*, Callback) = nullptr;
  int (*idle_stop)(UvHandle*) = nullptr;
  void (*close)(UvHandle*, Callback) = nullptr;
  void (*ref)(UvHandle*) = nullptr;
  void (*unref)(UvHandle*) = nullptr;
  int (*backend_fd)(const UvLoop*) = nullptr;
  int (*backend_timeout)(const UvLoop*) = nullptr;

  // False when the runtime lacks one of them.
  bool load();
};

// Memory for a handle, which libuv uses until it has closed it.
class UvMemory {
 public:
  void allocate(const UvApi& uv, UvApi::Type type) { bytes_ = std::make_unique<std::byte[]>(uv.handle_size(type)); }
  UvHandle* handle() const { return reinterpret_cast<UvHandle*>(bytes_.get()); }

 private:
  std::unique_ptr<std::byte[]> bytes_;
};

}  // namespace ipcbridge::node
