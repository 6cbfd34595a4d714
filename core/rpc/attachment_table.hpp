#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/blob_memory.hpp"
#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ipcbridge {

// What stands before a message that is too long for a frame, or has something attached: the sizes and places of its
// body and of its attachments, whose bytes follow in this order.
struct AttachmentTable {
  PartPlace body;
  std::vector<PartPlace> attachments;

  // Encoders attach bytes and arrays of this size on. So they are in shared memory, for which a frame of a ring would
  // be too short anyway.
  static constexpr std::size_t kAttachedFrom = 15UL * 1024;
  // So that all of it is in the first frame.
  static constexpr std::size_t kMaxAttachments = 256;
  static constexpr std::size_t bytes(std::size_t attachments) { return 8 + 32 * (1 + attachments); }

  Buffer encode() const;
  // `rest` is what follows. data_loss.
  static Result<AttachmentTable> decode(ConstBytes& rest);

  // Of all parts; more than 2^64 bytes are as many.
  std::uint64_t total() const;
  std::uint64_t shared() const;
};

}  // namespace ipcbridge
