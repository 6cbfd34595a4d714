#include "bindings/python/stream_message.hpp"

#include <cstring>
#include <utility>

#include "bindings/python/bytes.hpp"
#include "bindings/python/errors.hpp"
#include "bindings/python/values/codec_error.hpp"
#include "bindings/python/values/encoder.hpp"

namespace ipcbridge::python {
namespace {

constexpr std::uint32_t kMostItems = 512;
constexpr std::size_t kMostBytes = 16UL * 1024;

}  // namespace

Progress note_room(StreamProducer* self, const Result<StreamRoom>& room) {
  self->room = room.ok() && !room.value().empty() ? room.value().items : 0;
  if (room.ok()) return self->room == 0 ? Progress::kWait : Progress::kGoOn;
  if (room.error().code != Code::kCancelled) set_python_error(room.error());
  return Progress::kOver;
}

bool add_item(StreamProducer* self, PyObject* item) {
  const char* const root = "item";
  return with_codec_errors(root, [&] {
    Encoder encoder;
    encoder.write_item();
    encoder.accept_attachments(self->attachments.size());
    encoder.put_value(item);
    if (self->responder == nullptr) return false;
    Attachments attachments;
    if (encoder.has_attachments()) {
      attachments = encoder.place_attachments(self->responder->allocator_for(self->key.connection));
      self->attachments.reserve(self->attachments.size() + attachments.size());
    }
    const ConstBytes value = encoder.contents();
    if (self->unsent == 0) {
      self->body.reserve(kItemsPrefixBytes + sizeof(std::uint32_t) + value.size());  // one allocation of an only item's
      self->body.assign(kItemsPrefixBytes, std::byte{0});
    }
    const std::size_t before = self->body.size();
    try {
      append(self->body, static_cast<std::uint32_t>(value.size()));
      append(self->body, value);
    } catch (...) {
      self->body.resize(before);
      throw;
    }
    ++self->unsent;
    for (Attachment& each : attachments) self->attachments.push_back(std::move(each));
    return true;
  });
}

bool is_full(const StreamProducer* self) {
  return self->unsent >= self->room || self->unsent >= kMostItems || self->body.size() >= kMostBytes ||
         !self->attachments.empty();
}

Progress send_message(StreamProducer* self) {
  std::memcpy(self->body.data(), &self->unsent, sizeof self->unsent);
  self->unsent = 0;
  const Attachments attachments = std::exchange(self->attachments, {});
  return note_room(self, self->responder->send_items(self->key, {self->body, attachments}));
}

}  // namespace ipcbridge::python
