#pragma once

#include <cstdint>

#include "core/base/blob.hpp"
#include "core/base/blob_memory.hpp"
#include "core/base/bytes.hpp"
#include "core/base/frame.hpp"
#include "core/base/id_map.hpp"
#include "core/base/result.hpp"
#include "core/rpc/attachment_table.hpp"

namespace ipcbridge {

// Puts messages together that have a table of their sizes: those that came in fragments, and those of which parts are
// in shared memory. What they announce is promised at once, so that nothing is moved as they grow, and taken as it
// arrives; all unfinished messages together stay within the limit.
class Reassembly {
 public:
  // Without `shared` nothing can be in shared memory.
  explicit Reassembly(std::uint64_t max_bytes, BlobMemory* shared = nullptr) : max_bytes_(max_bytes), shared_(shared) {}

  bool has(std::uint64_t id) { return partials_.find(id) != nullptr; }

  // What has come of the body of an unfinished message.
  ConstBytes received(std::uint64_t id);

  // Those of each of its fragments, but for kFlagMore.
  std::uint8_t flags(std::uint64_t id);

  // Where the bytes of such a frame belong, so that they can be received there; empty when that is not known.
  MutableBytes place_of(const FrameHeader& header);

  // Adds a frame, the first of which has the table. When it is the last (no kFlagMore) `whole` becomes the message and
  // true is returned: the streams that stand before the table, where there are some, and the body. When it throws for
  // want of memory the message is forgotten, or was not begun, and what of it is in shared memory is freed.
  Result<bool> add(const FrameHeader& header, ConstBytes body, MessageStorage& whole);

  // Forgets an unfinished message. False when there is none.
  bool drop(std::uint64_t id);

 private:
  struct Partial {
    FrameType type = FrameType::kPad;
    std::uint8_t flags = 0;  // of every fragment
    MessageStorage storage;
    AttachmentTable table;
    std::size_t part = 0;     // the one that comes next: the body, then the attachments
    std::size_t arrived = 0;  // of that
    std::uint64_t missing = 0;

    MutableBytes next_part();
  };

  Status begin(const FrameHeader& header, ConstBytes& body, Partial& partial);
  Status take_parts(Partial& partial, std::size_t head, std::size_t& taken);
  Result<BlobRef> take_part(const PartPlace& place);
  void decline(const AttachmentTable& table, std::size_t taken) noexcept;
  Status fill(Partial& partial, ConstBytes bytes);
  static void skip_filled(Partial& partial);

  std::uint64_t max_bytes_;
  BlobMemory* shared_;
  std::uint64_t promised_ = 0;  // of all unfinished messages
  IdMap<Partial> partials_;
};

}  // namespace ipcbridge
