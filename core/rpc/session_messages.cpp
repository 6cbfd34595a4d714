// Session: how messages travel.
#include <algorithm>
#include <string>
#include <utility>

#include "core/base/lending.hpp"
#include "core/rpc/outgoing.hpp"

namespace ipcbridge {
Session::Packed::Packed(Session& session, const Outgoing& message) : session_(session), message_(message) {}

Session::Packed::~Packed() { take_back(); }

Status Session::Packed::pack() {
  const std::size_t body = message_.body_size();
  is_long_ = false;
  if (message_.attachments.empty() && message_.streams.size() + body <= kMaxFrameBody) return {};
  if (message_.attachments.size() > AttachmentTable::kMaxAttachments) {
    return Error{Code::kInternal, "too many attachments"};
  }
  is_long_ = true;
  table_ = {};
  if (session_.shared_ != nullptr) {
    if (Status status = share(); !status.ok()) return status;
  }
  if (is_long_) {
    table_ = {};
    table_.body.bytes = body;
    for (const Attachment& each : message_.attachments) table_.attachments.push_back({each.bytes.size(), 0, 0, 0});
  }
  encoded_ = table_.encode();
  return {};
}

// All of what is large, or nothing.
Status Session::Packed::share() {
  const Result<bool> shared = share_attachments();
  is_long_ = !shared.ok() || !shared.value() || !share_body();
  if (is_long_) take_back();
  return shared.ok() ? Status() : shared.error();
}

// Where they lie already, or in copies. False when they cannot be shared.
Result<bool> Session::Packed::share_attachments() {
  for (const Attachment& each : message_.attachments) {
    PartPlace& place = table_.attachments.emplace_back();
    if (session_.lent_.bytes() + each.bytes.size() > kMaxLentBytes) {
      return keeps_too_much(session_.lent_.bytes(), kMaxLentBytes);
    }
    if (each.bytes.empty() || lend(each, place)) continue;
    Result<BlobRef> blob = session_.shared_->allocate(each.bytes.size());
    if (!blob.ok()) return blob.error();
    if (!blob.value()) return false;
    const Attachment copy(std::move(blob).value());
    std::copy(each.bytes.begin(), each.bytes.end(), copy.bytes.begin());
    if (!lend(copy, place)) return false;
  }
  return true;
}

// In shared memory as well, where a frame does not take it. The peer may keep too much for that: then it travels in
// fragments, which it does not keep.
bool Session::Packed::share_body() {
  const std::size_t size = message_.body_size();
  table_.body.bytes = size;
  const std::size_t frame = message_.streams.size() + AttachmentTable::bytes(message_.attachments.size()) + size;
  if (frame <= kMaxFrameBody) return true;
  const Result<BlobRef> blob = session_.shared_->allocate(size);
  if (!blob.ok() || !blob.value()) return false;
  const Attachment copy(blob.value());
  std::byte* to = copy.bytes.data();
  for (const ConstBytes part : message_.body) to = std::copy(part.begin(), part.end(), to);
  return lend(copy, table_.body);
}

bool Session::Packed::lend(const Attachment& part, PartPlace& place) {
  const std::optional<PartPlace> found = session_.shared_->locate(part);
  if (!found) return false;
  lent_.reserve(lent_.size() + 1);
  place = *found;
  place.bytes = part.bytes.size();
  place.blob = session_.lent_.lend(part);
  lent_.push_back(place.blob);
  return true;
}

void Session::Packed::take_back() {
  for (const std::uint64_t number : lent_) session_.lent_.take_back(number);
  lent_.clear();
}

std::uint8_t Session::Packed::flags() const {
  return encoded_.empty() ? message_.flags : static_cast<std::uint8_t>(message_.flags | kFlagAttached);
}

bool Session::Packed::write() {
  std::array<ConstBytes, Outgoing::kMaxParts + 2> parts{};
  std::size_t count = 0;
  std::size_t size = 0;
  const auto add = [&](ConstBytes part) {
    if (part.empty()) return;
    parts.at(count++) = part;
    size += part.size();
  };
  add(message_.streams);
  add(encoded_);
  if (!table_.body.is_shared()) std::for_each(message_.body.begin(), message_.body.end(), add);
  const FrameHeader header{static_cast<std::uint32_t>(size), message_.type, flags(), 0, message_.id};
  return session_.writer_.write_frame(header, std::span(parts).first(count));
}

WaitingBytes Session::Packed::bytes() const {
  WaitingBytes bytes;
  bytes.body.reserve(message_.streams.size() + encoded_.size() + (is_long_ ? message_.body_size() : 0));
  append(bytes.body, message_.streams);
  append(bytes.body, ConstBytes(encoded_));
  if (!table_.body.is_shared()) {
    for (const ConstBytes part : message_.body) append(bytes.body, part);
  }
  if (is_long_) bytes.attachments.assign(message_.attachments.begin(), message_.attachments.end());
  return bytes;
}

std::uint64_t Session::weight(const FrameHeader& header, ConstBytes body, bool begins) const {
  const std::uint64_t whole = body.size();
  if ((header.flags & kFlagAttached) == 0 || !begins) return whole;
  if ((header.flags & kFlagStreams) != 0) body = body.subspan(std::min(body.size(), kStreamRangeBytes));
  const Result<AttachmentTable> table = AttachmentTable::decode(body);
  // What is over the limit is refused when it is looked at.
  if (!table.ok() || table.value().total() > ours_.max_message_bytes) return whole;
  return whole - AttachmentTable::bytes(table.value().attachments.size()) + table.value().shared();
}

// A message that is not kept, by its first frame: gives back what it brings, references and what is in shared memory.
void Session::turn_away(const FrameHeader& header, ConstBytes body) {
  if (body.empty()) return;
  if ((header.flags & kFlagAttached) == 0) return give_back(header.flags, body);
  if ((header.flags & kFlagStreams) != 0) body = body.subspan(std::min(body.size(), kStreamRangeBytes));
  const Result<AttachmentTable> table = AttachmentTable::decode(body);
  if (!table.ok()) return;
  const std::uint8_t references = header.flags & kFlagReferences;
  const PartPlace& place = table.value().body;
  if (!place.is_shared()) give_back(references, body);
  if (shared_ == nullptr) return;
  for (const PartPlace& each : table.value().attachments) {
    if (each.is_shared()) shared_->decline(each);
  }
  if (!place.is_shared()) return;
  if (references == 0) return shared_->decline(place);
  const Result<BlobRef> result = shared_->open(place);
  if (result.ok()) give_back(references, result.value()->bytes());
}

// A message that no caller waits for room for.
void Session::send(FrameType type, std::uint64_t id, WaitingBytes bytes) {
  Outgoing message{type, id, 0, {}, {ConstBytes(bytes.body)}, bytes.attachments};
  Packed packed(*this, message);
  if (Status status = packed.pack(); !status.ok()) {
    // The peer keeps too much, as whoever calls it is told. It cannot read what refers to what is left out.
    bytes.attachments.clear();
    message.attachments = {};
    static_cast<void>(packed.pack());
  }
  // Straight into the channel when nothing waits; this is the usual way.
  if (!packed.is_long() && !outbox_.holds_back(id) && packed.write()) {
    packed.keep();
    on_sent(type, id);
    return;
  }
  WaitingBytes waiting = packed.is_plain() ? std::move(bytes) : packed.bytes();
  outbox_.push(type, id, std::move(waiting), packed.flags());
  packed.keep();
}

void Session::free_blobs(std::span<const std::uint64_t> numbers) {
  const ConstBytes bytes = std::as_bytes(numbers);
  const FrameHeader header{static_cast<std::uint32_t>(bytes.size()), FrameType::kFree, 0, 0, 0};
  if (!outbox_.holds_back(0) && writer_.write_frame(header, {&bytes, 1})) return;
  outbox_.push(FrameType::kFree, 0, {Buffer(bytes.begin(), bytes.end()), {}});
}

Progress Session::receive_free(ConstBytes body) {
  ByteReader reader(body);
  std::uint64_t number = 0;
  if (body.empty() || body.size() % sizeof number != 0)
    return CloseReason::peer_violation("a malformed list of numbers");
  while (reader.read(number)) {
    if (!lent_.free(number)) return CloseReason::peer_violation("it frees what it does not have");
  }
  return {};
}

}  // namespace ipcbridge
