#include "core/rpc/reassembly.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "core/base/recycled_blob.hpp"
#include "core/rpc/stream.hpp"

namespace ipcbridge {
namespace {

constexpr int kFlagsOfAll = kFlagStreams | kFlagReferences | kFlagReference | kFlagAttached;

Error malformed(const char* why) { return {Code::kDataLoss, why}; }

Result<BlobRef> new_blob(std::uint64_t bytes) {
  BlobRef blob = make_recycled_blob(bytes);
  if (!blob) return Error{Code::kResourceExhausted, "out of memory"};
  return blob;
}

}  // namespace

ConstBytes Reassembly::received(std::uint64_t id) {
  const Partial* partial = partials_.find(id);
  if (partial == nullptr) return {};
  const ConstBytes body(partial->storage.body);
  return partial->part == 0 ? body.first(partial->arrived) : body;
}

std::uint8_t Reassembly::flags(std::uint64_t id) {
  const Partial* partial = partials_.find(id);
  return partial == nullptr ? std::uint8_t{0} : partial->flags;
}

MutableBytes Reassembly::Partial::next_part() {
  MutableBytes whole = part == 0 ? MutableBytes(storage.body) : storage.attachments[part - 1].bytes;
  return whole.subspan(arrived);
}

MutableBytes Reassembly::place_of(const FrameHeader& header) {
  Partial* partial = partials_.find(header.call_id);
  if (partial == nullptr || partial->type != header.type || partial->missing == 0) return {};
  const MutableBytes next = partial->next_part();
  return header.length <= next.size() ? next.first(header.length) : MutableBytes();
}

Result<bool> Reassembly::add(const FrameHeader& header, ConstBytes body, MessageStorage& whole) {
  const auto flags = static_cast<std::uint8_t>(header.flags & kFlagsOfAll);
  Partial* partial = partials_.find(header.call_id);
  if (partial == nullptr) {
    Partial begun{header.type, flags, {}, {}, 0, 0, 0};
    if (Status status = begin(header, body, begun); !status.ok()) return status.error();
    partial = &partials_.insert(header.call_id, std::move(begun));
    promised_ += partial->table.total();
  } else {
    if (partial->type != header.type || partial->flags != flags)
      return malformed("the fragments of two messages mixed");
    if (body.empty()) return malformed("an empty fragment");
  }
  if (Status status = fill(*partial, body); !status.ok()) return status.error();
  const bool is_last = (header.flags & kFlagMore) == 0;
  if (is_last != (partial->missing == 0)) return malformed("a message of another size than it says");
  if (!is_last) return false;
  whole = std::move(partial->storage);
  drop(header.call_id);
  return true;
}

// `body` is what of the message follows.
Status Reassembly::begin(const FrameHeader& header, ConstBytes& body, Partial& partial) {
  if ((header.flags & kFlagAttached) == 0) return malformed("a long message without a table of its sizes");
  const std::size_t head = (header.flags & kFlagStreams) != 0 ? kStreamRangeBytes : 0;
  if (body.size() < head) return malformed("a malformed list of streams");
  const ConstBytes streams = body.first(head);
  body = body.subspan(head);
  Result<AttachmentTable> table = AttachmentTable::decode(body);
  if (!table.ok()) return table.error();
  partial.table = std::move(table).value();
  if (partial.table.total() > max_bytes_) return malformed("a message over the limit");
  if (partial.table.total() > max_bytes_ - promised_ && (header.flags & kFlagMore) != 0) {
    return malformed("unfinished messages over the limit of one");
  }
  std::size_t taken = 0;
  try {
    partial.storage.body = ByteBlock(head + partial.table.body.bytes);
    std::copy(streams.begin(), streams.end(), partial.storage.body.begin());
    partial.storage.attachments.reserve(partial.table.attachments.size());
    if (Status status = take_parts(partial, head, taken); !status.ok()) return status;
  } catch (const std::bad_alloc&) {
    decline(partial.table, taken);
    throw;
  }
  partial.missing = partial.table.total() - partial.table.shared();
  partial.arrived = head;
  skip_filled(partial);
  return {};
}

// Those of the parts that come behind the `taken` first.
void Reassembly::decline(const AttachmentTable& table, std::size_t taken) noexcept {
  if (shared_ == nullptr) return;
  if (taken == 0 && table.body.is_shared()) shared_->decline(table.body);
  for (std::size_t part = std::max<std::size_t>(taken, 1); part <= table.attachments.size(); ++part) {
    if (const PartPlace& place = table.attachments[part - 1]; place.is_shared()) shared_->decline(place);
  }
}

Result<BlobRef> Reassembly::take_part(const PartPlace& place) {
  if (!place.is_shared()) return new_blob(place.bytes);
  if (shared_ == nullptr) return malformed("shared memory where there is none");
  return shared_->open(place);
}

// What is in shared memory is opened; the body, which is read more than once, is copied out of it.
Status Reassembly::take_parts(Partial& partial, std::size_t head, std::size_t& taken) {
  Status status;
  taken = 1;
  if (partial.table.body.is_shared()) {
    const Result<BlobRef> body = take_part(partial.table.body);
    if (body.ok()) {
      const MutableBytes bytes = body.value()->bytes();
      std::copy(bytes.begin(), bytes.end(), partial.storage.body.begin() + head);
    } else {
      status = body.error();
    }
  }
  // All of them, also when one cannot be had: each that was opened, or was not, is freed.
  for (const PartPlace& place : partial.table.attachments) {
    ++taken;
    Result<BlobRef> blob = take_part(place);
    if (blob.ok()) {
      partial.storage.attachments.emplace_back(std::move(blob).value());
    } else if (status.ok()) {
      status = blob.error();
    }
  }
  if (!status.ok() && status.error().code == Code::kResourceExhausted) throw std::bad_alloc();
  return status;
}

// Steps over what needs no bytes of this message's frames.
void Reassembly::skip_filled(Partial& partial) {
  const auto is_done = [&partial] {
    const bool is_shared =
        partial.part == 0 ? partial.table.body.is_shared() : partial.table.attachments[partial.part - 1].is_shared();
    return is_shared || partial.next_part().empty();
  };
  while (partial.missing > 0 && is_done()) {
    ++partial.part;
    partial.arrived = 0;
  }
}

// May be there already, at their place().
Status Reassembly::fill(Partial& partial, ConstBytes bytes) {
  if (bytes.empty()) return {};
  if (partial.missing == 0) return malformed("a message of another size than it says");
  const MutableBytes next = partial.next_part();
  if (bytes.size() > next.size()) return malformed("a fragment with bytes of two parts");
  if (bytes.data() != next.data()) std::memcpy(next.data(), bytes.data(), bytes.size());
  partial.arrived += bytes.size();
  partial.missing -= bytes.size();
  skip_filled(partial);
  return {};
}

bool Reassembly::drop(std::uint64_t id) {
  const Partial* partial = partials_.find(id);
  if (partial == nullptr) return false;
  promised_ -= partial->table.total();
  return partials_.erase(id);
}

}  // namespace ipcbridge
