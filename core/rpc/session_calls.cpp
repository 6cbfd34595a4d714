// Session: the calls of this side.
#include <array>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "core/rpc/session.hpp"

namespace ipcbridge {

void Session::give_up_answer(const FrameHeader& header, ConstBytes body, std::string_view why) {
  Pending* pending = pending_.find(header.call_id);
  if (pending == nullptr) return;
  const bool begun = reassembly_.has(header.call_id);
  give_back(header.flags, begun ? reassembly_.received(header.call_id) : body);
  reassembly_.drop(header.call_id);
  share_.refund(std::exchange(pending->charged, 0));
  const std::uint64_t token = pending->token;
  const bool abandoned = std::exchange(pending->abandoned, true);
  // The callee counts the call until its last fragment is out, and so does this side.
  pending->skipped = true;
  cancel_streams_of(header.call_id);
  if ((header.flags & kFlagMore) == 0) take_pending(header.call_id);
  if (abandoned) return;
  Outcome outcome;
  outcome.code = Code::kResourceExhausted;
  outcome.sent_maybe = true;
  outcome.message = why;
  events_.on_outcome(*this, token, outcome, nullptr);
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
  const std::size_t size =
      (streams == 0 ? 0 : kStreamRangeBytes) + kRequestPrefixBytes + request.metadata.size() + request.payload.size();
  if (goaway_received_) return CloseReason::goodbye().error();
  if (size > theirs_.max_message_bytes) {
    return Error{Code::kResourceExhausted, "the message has " + std::to_string(size) + " bytes and the peer accepts " +
                                               std::to_string(theirs_.max_message_bytes)};
  }
  if (streams != 0) {
    if (Status status = check_room_for_streams(streams); !status.ok()) return status.error();
  }
  if (outbox_.has_short() || !outbox_.can_begin(size) || !admits(size)) return 0;

  const std::uint64_t id = next_id_ | our_bit_;
  const FrameType type = request.notify ? FrameType::kNotify : FrameType::kRequest;
  const RequestPrefix prefix = encode_request_prefix(request);
  const auto range = encode_stream_range({id + 1, streams});
  const std::array<ConstBytes, 4> all{range, prefix, request.metadata, request.payload};
  const std::span<const ConstBytes> parts = std::span(all).subspan(streams == 0 ? 1 : 0);
  const std::uint8_t flags =
      (streams == 0 ? std::uint8_t{0} : kFlagStreams) | (request.to_reference ? kFlagReference : std::uint8_t{0});
  pending_.reserve_one();
  outbound_streams_.reserve(streams);
  if (!request.references.empty()) references_.prepare(request.references);
  if (size <= kMaxFrameBody) {
    const FrameHeader header{static_cast<std::uint32_t>(size), type, flags, 0, id};
    if (!writer_.write_frame(header, parts)) return 0;
    begin_call(id, Pending{token, size, 0, false, false, streams != 0}, streams);
    if (!request.references.empty()) references_.share(id);
    if (streams != 0) note_announced(id);
    return id;
  }
  Buffer body;
  body.reserve(size);
  for (const ConstBytes part : parts) append(body, part);
  begin_call(id, Pending{token, size, 0, false, false, streams != 0}, streams);
  if (!request.references.empty()) references_.share(id);
  try {
    outbox_.push(type, id, std::move(body), flags);
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
  const bool fragment = (header.flags & kFlagMore) != 0 || reassembly_.has(header.call_id);
  if (!fragment) return finish_call(header, body, nullptr);
  if (!share_.has_room(body.size())) {
    give_up_answer(header, body, over_account());
    return {};
  }
  pending->charged += body.size();
  share_.charge(body.size());
  Buffer whole;
  Result<bool> complete = reassembly_.add(header, body, whole);
  if (!complete.ok()) return CloseReason::peer_violation(complete.error().message);
  return complete.value() ? finish_call(header, whole, &whole) : Progress();
}

Progress Session::finish_call(const FrameHeader& header, ConstBytes body, Buffer* storage) {
  Outcome outcome;
  if (header.type == FrameType::kError) {
    // Parts of an error are read twice, so it is copied out of the peer's memory first.
    Buffer copy;
    if (storage == nullptr) {
      copy.assign(body.begin(), body.end());
      storage = &copy;
    }
    Result<Outcome> error = decode_error(*storage);
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
  Buffer body;
  const Outbox::Dropped sent = outbox_.take(id, body);
  if (sent != Outbox::Dropped::kAllSent) {
    const bool begun = sent == Outbox::Dropped::kPartlySent;
    const std::uint32_t streams = pending.has_streams ? count_streams(id) : 0;
    ConstBytes message(body);
    if (streams != 0) message = message.subspan(kStreamRangeBytes);
    Request request = decode_request(message).value();
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
