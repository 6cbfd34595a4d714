#include "core/rpc/reassembly.hpp"

#include <utility>

namespace ipcbridge {

Result<bool> Reassembly::add(const FrameHeader& header, ConstBytes body, Buffer& whole) {
  Partial* partial = partials_.find(header.call_id);
  const auto flags = static_cast<std::uint8_t>(header.flags & (kFlagStreams | kFlagReferences));
  if (partial == nullptr) partial = &partials_.insert(header.call_id, Partial{header.type, flags, {}});
  if (partial->type != header.type || partial->flags != flags)
    return Error{Code::kDataLoss, "the fragments of two messages mixed"};
  if (body.empty()) return Error{Code::kDataLoss, "an empty fragment"};
  if (bytes_ + body.size() > max_bytes_) {
    return Error{Code::kDataLoss, "unfinished messages over the limit of one"};
  }
  append(partial->data, body);
  bytes_ += body.size();
  if ((header.flags & kFlagMore) != 0) return false;
  bytes_ -= partial->data.size();
  whole = std::move(partial->data);
  partials_.erase(header.call_id);
  return true;
}

bool Reassembly::drop(std::uint64_t id) {
  const Partial* partial = partials_.find(id);
  if (partial == nullptr) return false;
  bytes_ -= partial->data.size();
  return partials_.erase(id);
}

}  // namespace ipcbridge
