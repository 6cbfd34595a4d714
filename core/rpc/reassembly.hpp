#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/base/frame.hpp"
#include "core/base/id_map.hpp"
#include "core/base/result.hpp"

namespace ipcbridge {

// Puts the fragments of long messages together. Memory grows with what has arrived, never with what was
// announced, and all unfinished messages together stay within the limit.
class Reassembly {
 public:
  explicit Reassembly(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  bool has(std::uint64_t id) { return partials_.find(id) != nullptr; }

  // What has come of an unfinished message.
  ConstBytes received(std::uint64_t id) {
    const Partial* partial = partials_.find(id);
    return partial == nullptr ? ConstBytes() : ConstBytes(partial->data);
  }

  // Adds a fragment. When it is the last (no kFlagMore) `whole` becomes the message and true is returned. When it
  // throws for want of memory, what was there before is still there.
  Result<bool> add(const FrameHeader& header, ConstBytes body, Buffer& whole);

  // Forgets an unfinished message. False when there is none.
  bool drop(std::uint64_t id);

 private:
  struct Partial {
    FrameType type = FrameType::kPad;
    std::uint8_t flags = 0;  // of every fragment
    Buffer data;
  };

  std::uint64_t max_bytes_;
  std::uint64_t bytes_ = 0;
  IdMap<Partial> partials_;
};

}  // namespace ipcbridge
