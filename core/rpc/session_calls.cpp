// Session: the calls of this side.
#include <array>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "core/rpc/outgoing.hpp"

namespace ipcbridge {
namespace {

// Of an answer that nobody waits for: it brings what has to be given back.
bool must_arrive(std::uint8_t flags) { return (flags & (kFlagStreams | kFlagReferences)) != 0; }

}  // namespace

void Session::give_up_answer(const FrameHeader& header, ConstBytes body, std::string_view why) {
  Pending* pending = pending_.find(header.call_id);
  if (pending == nullptr) return;
  const std::uint64_t token = pending->token;
  const bool is_waited_for = !pending->abandoned;
  skip_answer(header, body, *pending);
  if (!is_waited_for) return;
  if (Pending* rest = pending_.find(header.call_id)) {
    send(FrameType::kCancel, header.call_id, {});
    rest->abandoned = true;
  }
  Outcome outcome;
  outcome.code = Code::kResourceExhausted;
  outcome.sent_maybe = true;
  outcome.message = why;
  events_.on_outcome(*this, token, outcome, nullptr);
}

// Nothing of it is kept. The callee counts the call until its last frame is out, and so does this side.
void Session::skip_answer(const FrameHeader& header, ConstBytes body, Pending& pending) {
  if (reassembly_.has(header.call_id)) {
    give_back(header.flags, reassembly_.received(header.call_id));
  } else {
    turn_away(header, body);
  }
  reassembly_.drop(header.call_id);
  share_.refund(std::exchange(pending.charged, 0));
  pending.skipped = true;
  cancel_streams_of(header.call_id);
  if ((header.flags & kFlagMore) == 0) take_pending(header.call_id);
}

bool Session::admits(std::uint64_t bytes) const {
  if (pending_.empty()) return true;
  return pending_.size() < theirs_.max_pending_calls && pending_bytes_ + bytes <= theirs_.max_pending_bytes;
}

std::string Session::describe_wait(std::size_t bytes) const {
  if (!pending_.empty() && pending_.size() >= theirs_.max_pending_calls) {
    return "the service, which takes " + std::to_string(theirs_.max_pending_calls) + " calls of a connection at a time";
  }
  if (!pending_.empty() && pending_bytes_ + bytes > theirs_.max_pending_bytes) {
    return "the service, which takes " + std::to_string(theirs_.max_pending_bytes) +
           " bytes of calls of a connection at a time";
  }
  return "the service, which did not read";
}

Result<std::uint64_t> Session::call(std::uint64_t token, const Request& request) {
  const std::uint32_t streams = request.streams.count;
  const std::size_t size = (streams == 0 ? 0 : kStreamRangeBytes) + kRequestPrefixBytes + request.metadata.size() +
                           request.payload.size() + total_bytes(request.attachments);
  if (goaway_received_) return CloseReason::goodbye().error();
  if (size > theirs_.max_message_bytes) {
    return Error{Code::kResourceExhausted, "the message has " + std::to_string(size) + " bytes and the peer accepts " +
                                               std::to_string(theirs_.max_message_bytes)};
  }
  if (streams != 0) {
    if (Status status = check_room_for_streams(streams); !status.ok()) return status.error();
  }
  if (outbox_.has_short() || !admits(size) || (shared_ == nullptr && !outbox_.can_begin(size))) return 0;

  const std::uint64_t id = next_id_ | our_bit_;
  const FrameType type = request.notify ? FrameType::kNotify : FrameType::kRequest;
  const RequestPrefix prefix = encode_request_prefix(request);
  const auto range = encode_stream_range({id + 1, streams});
  const std::uint8_t flags =
      (streams == 0 ? std::uint8_t{0} : kFlagStreams) | (request.to_reference ? kFlagReference : std::uint8_t{0});
  pending_.reserve_one();
  outbound_streams_.reserve(streams);
  if (!request.references.empty()) references_.prepare(request.references);
  const Outgoing message{type,
                         id,
                         flags,
                         streams == 0 ? ConstBytes() : ConstBytes(range),
                         {prefix, request.metadata, request.payload},
                         request.attachments};
  Packed packed(*this, message);
  if (Status status = packed.pack(); !status.ok()) return status.error();
  if (!packed.is_long()) {
    if (!packed.write()) return 0;
    packed.keep();
    begin_call(id, Pending{token, size, 0, false, false, streams != 0}, streams);
    if (!request.references.empty()) references_.share(id);
    if (streams != 0) note_announced(id);
    return id;
  }
  if (!outbox_.can_begin(size)) return 0;
  WaitingBytes bytes = packed.bytes();
  begin_call(id, Pending{token, size, 0, false, false, streams != 0}, streams);
  if (!request.references.empty()) references_.share(id);
  try {
    outbox_.push(type, id, std::move(bytes), packed.flags());
  } catch (const std::bad_alloc&) {
    if (streams != 0) abandon_streams(id, /*unsent=*/true);
    references_.take_back(id);
    take_pending(id);
    throw;
  }
  return id;
}

void Session::begin_call(std::uint64_t id, const Pending& pending, std::uint32_t streams) {
  ++next_id_;
  pending_.insert(id, pending);
  pending_bytes_ += pending.bytes;
  if (streams != 0) open_streams(id, streams);
}

bool Session::cancel(std::uint64_t id) {
  Pending* pending = pending_.find(id);
  if (pending == nullptr || pending->abandoned) return true;
  pending->abandoned = true;
  const Outbox::Dropped dropped = outbox_.drop(id);
  if (pending->has_streams) abandon_streams(id, dropped == Outbox::Dropped::kUnsent);
  if (dropped == Outbox::Dropped::kUnsent) {
    references_.take_back(id);
    take_pending(id);
    return false;
  }
  if (reassembly_.has(id) && !must_arrive(reassembly_.flags(id))) {
    reassembly_.drop(id);
    share_.refund(std::exchange(pending->charged, 0));
    pending->skipped = true;
  }
  send(FrameType::kCancel, id, {});
  return dropped == Outbox::Dropped::kAllSent;
}

Progress Session::receive_answer(const FrameHeader& header, ConstBytes body) {
  const std::uint64_t number = header.call_id & ~kSideBit;
  if (!is_ours(header.call_id) || number == 0 || number >= next_id_)
    return CloseReason::peer_violation("an answer to no call");
  Pending* pending = pending_.find(header.call_id);
  if (pending == nullptr) return {};  // answered already: ignored
  const bool begins = !reassembly_.has(header.call_id) && !pending->skipped;
  if ((header.flags & kFlagStreams) != 0 && begins) {
    if (Progress progress = announce(header, body); !progress.ok()) return progress;
  }
  if (pending->skipped) {
    if ((header.flags & kFlagMore) == 0) take_pending(header.call_id);
    return {};
  }
  if (!is_part(header)) return finish_call(header, body, nullptr);
  const std::uint8_t flags = begins ? header.flags : reassembly_.flags(header.call_id);
  if (pending->abandoned && !must_arrive(flags)) {
    skip_answer(header, body, *pending);
    return {};
  }
  const std::uint64_t bytes = weight(header, body, begins);
  if (!share_.has_room(bytes)) {
    give_up_answer(header, body, over_account());
    return {};
  }
  pending->charged += bytes;
  share_.charge(bytes);
  MessageStorage whole;
  Result<bool> complete = reassembly_.add(header, body, whole);
  if (!complete.ok()) return CloseReason::peer_violation(complete.error().message);
  return complete.value() ? finish_call(header, whole.body, &whole) : Progress();
}

Progress Session::finish_call(const FrameHeader& header, ConstBytes body, MessageStorage* storage) {
  Outcome outcome;
  if (header.type == FrameType::kError) {
    // Parts of an error are read twice, so it is copied out of the peer's memory first.
    MessageStorage copy;
    if (storage == nullptr) {
      copy.body = ByteBlock(body);
      storage = &copy;
    }
    Result<Outcome> error = decode_error(storage->body);
    if (!error.ok()) return CloseReason::peer_violation(error.error().message);
    outcome = error.value();
    const Pending pending = take_pending(header.call_id);
    // The views are in `storage`; a short one is a copy of this function's.
    if (!pending.abandoned) events_.on_outcome(*this, pending.token, outcome, storage == &copy ? nullptr : storage);
    return {};
  }
  outcome.remote = true;
  if ((header.flags & kFlagStreams) != 0) {
    Result<StreamRange> streams = carried_streams(header, body);
    if (!streams.ok()) return CloseReason::peer_violation(streams.error().message);
    outcome.streams = streams.value();
  }
  outcome.payload = body;
  if ((header.flags & kFlagReferences) != 0 && !decode_reference_list(outcome.payload).ok()) {
    return CloseReason::peer_violation("a malformed list of references");
  }
  const Pending pending = take_pending(header.call_id, outcome.streams.count);
  if (!pending.abandoned) {
    events_.on_outcome(*this, pending.token, outcome, storage);
    return {};
  }
  if (outcome.streams.count != 0) cancel_streams_of(header.call_id);
  give_back(header.flags & kFlagReferences, body);
  return {};
}

Session::Pending Session::take_pending(std::uint64_t id, std::uint32_t streams) {
  const Pending pending = *pending_.find(id);
  pending_bytes_ -= pending.bytes;
  share_.refund(pending.charged);
  pending_.erase(id);
  references_.answered(id, streams);
  return pending;
}

void Session::fail_call(std::uint64_t id, const Pending& pending, const CloseReason& why) {
  WaitingBytes bytes;
  const Outbox::Dropped sent = outbox_.take(id, bytes);
  if (sent != Outbox::Dropped::kAllSent) {
    const bool begun = sent == Outbox::Dropped::kPartlySent;
    const std::uint32_t streams = pending.has_streams ? count_streams(id) : 0;
    ConstBytes message(bytes.body);
    if (streams != 0) message = message.subspan(kStreamRangeBytes);
    if (bytes.size() > kMaxFrameBody || !bytes.attachments.empty()) static_cast<void>(AttachmentTable::decode(message));
    Request request = decode_request(message).value();
    request.attachments = bytes.attachments;
    request.streams.count = streams;
    if (streams != 0) abandon_streams(id, /*unsent=*/true);  // they have not begun
    references_.take_back(id);
    events_.on_unsent(*this, pending.token, request, begun, why);
    return;
  }
  Outcome outcome;
  outcome.code = Code::kUnavailable;
  outcome.sent_maybe = true;
  outcome.message = why.message();
  events_.on_outcome(*this, pending.token, outcome, nullptr);
}

}  // namespace ipcbridge
