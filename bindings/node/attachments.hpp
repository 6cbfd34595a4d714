#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include <napi.h>

#include "core/base/blob.hpp"
#include "core/base/bytes.hpp"
#include "core/endpoint/driver.hpp"

namespace ipcbridge::node {

// What JavaScript attaches to the message that it sends next: views of its memory, or for what lies in several places
// lists of them. It stays where it is until then, because nothing of JavaScript runs between.
class OutgoingAttachments {
 public:
  void use(napi_env env, napi_value attached);
  // Copies them to memory of `allocator`, or of the heap where that has none. resource_exhausted.
  Result<Attachments> take(const Driver::Allocator& allocator);

 private:
  using Parts = std::vector<ConstBytes>;

  std::vector<Parts> attached_;
};

// The memory that JavaScript has as ArrayBuffers, each where it lies. Lives on JavaScript's thread; buffers that the
// garbage collector finds later than their Environment keep it.
class ExternalMemory : public std::enable_shared_from_this<ExternalMemory> {
 public:
  // An ArrayBuffer, or a copy where this engine allows no such thing (Electron). Null with an exception pending, or
  // where there is no memory.
  napi_value to_array_buffer(napi_env env, Attachment attachment);
  // An array of them; undefined of none.
  napi_value to_array_buffers(napi_env env, Attachments attachments);
  // Empties a buffer and lets its memory go, if it is of this; what cannot be emptied stays.
  void release(napi_env env, napi_value buffer);

 private:
  struct Held;

  static void finalize(napi_env env, void* data, void* hint);

  std::unordered_map<void*, Held*> held_;
};

}  // namespace ipcbridge::node
