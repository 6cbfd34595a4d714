#pragma once

#include <cstddef>
#include <cstdint>

#include "bindings/python/stream_producer_object.hpp"
#include "core/base/result.hpp"

namespace ipcbridge::python {

// Whether more items may be made: kWait until there is room for them.
enum class Progress : std::uint8_t { kGoOn, kWait, kOver };

// Keeps how many items there is room for. kOver with an exception set when the stream has failed, without one when
// nobody reads it any more.
Progress note_room(StreamProducer* self, const Result<StreamRoom>& room);

// Adds an item to the message. False with an exception set when it cannot be sent; without one when the service has
// ended meanwhile.
bool add_item(StreamProducer* self, PyObject* item);

// Whether the message takes no more items.
bool is_full(const StreamProducer* self);

// Sends the message. kOver with an exception set when it cannot be sent, without one when nobody reads the stream any
// more.
Progress send_message(StreamProducer* self);

}  // namespace ipcbridge::python
