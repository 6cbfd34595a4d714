#include "bindings/node/attachments.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "core/base/lending.hpp"
#include "core/endpoint/place_bytes.hpp"

namespace ipcbridge::node {
namespace {

napi_value copy_of(napi_env env, const Attachment& attachment) {
  void* data = nullptr;
  napi_value buffer = nullptr;
  const std::size_t size = attachment.bytes.size();
  if (napi_create_arraybuffer(env, size, &data, &buffer) != napi_ok) return nullptr;
  if (size > 0) std::memcpy(data, attachment.bytes.data(), size);
  return buffer;
}

ConstBytes bytes_of(napi_env env, napi_value view) {
  void* data = nullptr;
  std::size_t size = 0;
  napi_get_typedarray_info(env, view, nullptr, &size, &data, nullptr, nullptr);
  return {static_cast<std::byte*>(data), size};
}

std::vector<ConstBytes> parts_of(napi_env env, napi_value list) {
  std::uint32_t count = 0;
  napi_get_array_length(env, list, &count);
  std::vector<ConstBytes> parts;
  parts.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    napi_value view = nullptr;
    napi_get_element(env, list, i, &view);
    parts.push_back(bytes_of(env, view));
  }
  return parts;
}

std::size_t total(std::span<const ConstBytes> parts) {
  return std::accumulate(parts.begin(), parts.end(), std::size_t{0},
                         [](std::size_t sum, ConstBytes part) { return sum + part.size(); });
}

}  // namespace

void OutgoingAttachments::use(napi_env env, napi_value attached) {
  attached_.clear();
  std::uint32_t count = 0;
  napi_get_array_length(env, attached, &count);
  for (std::uint32_t i = 0; i < count; ++i) {
    napi_value value = nullptr;
    bool is_list = false;
    napi_get_element(env, attached, i, &value);
    napi_is_array(env, value, &is_list);
    attached_.push_back(is_list ? parts_of(env, value) : Parts{bytes_of(env, value)});
  }
}

Result<Attachments> OutgoingAttachments::take(const Driver::Allocator& allocator) {
  Attachments placed;
  placed.reserve(attached_.size());
  for (const Parts& parts : std::exchange(attached_, {})) {
    Result<Attachment> place =
        parts.size() == 1 ? place_bytes(allocator, parts.front()) : place_table(allocator, total(parts));
    if (!place.ok()) return place.error();
    placed.push_back(std::move(place).value());
    std::size_t begun = 0;
    for (const ConstBytes part : parts) {
      fill(Attachment(placed.back().memory, placed.back().bytes.subspan(begun, part.size())), part);
      begun += part.size();
    }
    if (parts.size() != 1) placed.back().memory->seal();
  }
  return placed;
}

struct ExternalMemory::Held {
  Attachment attachment;
  std::shared_ptr<ExternalMemory> registry;
};

// It runs some time after the buffer is gone: the same place may have come again by then, in another one.
void ExternalMemory::finalize(napi_env, void* data, void* hint) {
  const std::unique_ptr<Held> held(static_cast<Held*>(hint));
  auto& all = held->registry->held_;
  const auto found = all.find(data);
  if (found != all.end() && found->second == held.get()) all.erase(found);
  let_go(std::move(held->attachment));
}

void ExternalMemory::release(napi_env env, napi_value buffer) {
  void* data = nullptr;
  std::size_t size = 0;
  if (napi_get_arraybuffer_info(env, buffer, &data, &size) != napi_ok || !held_.contains(data)) return;
  if (napi_detach_arraybuffer(env, buffer) != napi_ok) return;
  const auto found = held_.find(data);
  if (found == held_.end()) return;  // the engine has run the finalizer at once
  Held* const held = found->second;
  held_.erase(found);
  let_go(std::exchange(held->attachment, {}));
}

napi_value ExternalMemory::to_array_buffer(napi_env env, Attachment attachment) {
  const MutableBytes bytes = attachment.bytes;
  if (!bytes.empty() && attachment.memory->is_writable()) {
    auto held = std::make_unique<Held>(Held{attachment, shared_from_this()});
    held_.emplace(bytes.data(), held.get());
    napi_value buffer = nullptr;
    if (napi_create_external_arraybuffer(env, bytes.data(), bytes.size(), finalize, held.get(), &buffer) == napi_ok) {
      static_cast<void>(held.release());
      return buffer;
    }
    held_.erase(bytes.data());
  }
  napi_value buffer = copy_of(env, attachment);
  let_go(std::move(attachment));
  return buffer;
}

napi_value ExternalMemory::to_array_buffers(napi_env env, Attachments attachments) {
  if (attachments.empty()) return nullptr;
  napi_value array = nullptr;
  if (napi_create_array_with_length(env, attachments.size(), &array) != napi_ok) return nullptr;
  for (std::size_t i = 0; i < attachments.size(); ++i) {
    napi_value buffer = to_array_buffer(env, std::move(attachments[i]));
    if (buffer == nullptr) return nullptr;
    napi_set_element(env, array, static_cast<std::uint32_t>(i), buffer);
  }
  return array;
}

}  // namespace ipcbridge::node
