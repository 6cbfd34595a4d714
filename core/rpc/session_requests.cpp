// Session: the calls of the peer.
#include <array>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/utf8.hpp"
#include "core/rpc/outgoing.hpp"

namespace ipcbridge {
namespace {

// A message that is longer has the rest in its details; in one frame, it needs no part of max_message_bytes.
constexpr std::size_t kMaxErrorMessageBytes = 8UL * 1024;
// And where the user's account is full: an error is kept all the same, because each call is answered.
constexpr std::size_t kMaxErrorMessageBytesInNeed = 256;

constexpr std::string_view kCallCancelled = "the call was cancelled";

// What a call costs besides its bytes, so that the account bounds the number of calls, too.
constexpr std::uint64_t kCallOverhead = 256;

}  // namespace

Progress Session::give_up_request(const FrameHeader& header) {
  if (is_ours(header.call_id) || (header.call_id & ~kSideBit) == 0) return CloseReason::out_of_memory();
  Inbound* inbound = inbound_.find(header.call_id);
  if (inbound == nullptr) {
    inbound = &inbound_.insert(header.call_id, Inbound{});
    inbound->notify = header.type == FrameType::kNotify;
  }
  if (inbound->answered) return {};
  if (!inbound->complete) {
    refuse_body(header.call_id, *inbound);
    if ((header.flags & kFlagMore) != 0) return {};
  }
  send_out_of_memory(header.call_id, true);
  return {};
}

bool Session::reply_out_of_memory(std::uint64_t id) {
  try {
    send_out_of_memory(id, false);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void Session::send_out_of_memory(std::uint64_t id, bool not_started) {
  const Inbound* inbound = inbound_.find(id);
  if (inbound == nullptr || inbound->answered) return;
  if (inbound->notify) {
    reply(id, {});
    return;
  }
  constexpr std::string_view kMessage = kOutOfMemory;
  std::array<std::byte, kErrorPrefixBytes + kMessage.size()> body{};
  encode_error(Code::kResourceExhausted, not_started, kMessage, body);
  const FrameHeader header{static_cast<std::uint32_t>(body.size()), FrameType::kError, 0, 0, id};
  const ConstBytes view(body);
  if (!outbox_.holds_back(id) && writer_.write_frame(header, std::span(&view, 1))) {
    finish_inbound(id);
    return;
  }
  outbox_.push(FrameType::kError, id, {Buffer(body.begin(), body.end()), {}});
  if (Inbound* waiting = inbound_.find(id)) waiting->answered = true;
}

void Session::finish_inbound(std::uint64_t id) {
  if (const Inbound* inbound = inbound_.find(id)) {
    inbound_bytes_ -= inbound->bytes;
    share_.refund(inbound->charged);
    inbound_.erase(id);
    if (!call_streams_.empty()) release_arguments(id);
  }
}

bool Session::charge(Inbound& inbound, std::uint64_t bytes) {
  if (inbound.charged == 0) bytes += kCallOverhead;
  if (!share_.has_room(bytes)) return false;
  inbound.charged += bytes;
  share_.charge(bytes);
  return true;
}

// The request has been dealt with; its answer may wait for long.
void Session::forget_body(Inbound& inbound) {
  if (inbound.charged <= kCallOverhead) return;
  share_.refund(inbound.charged - kCallOverhead);
  inbound.charged = kCallOverhead;
}

std::string Session::over_account() const {
  return "the calls and answers that are kept for this user exceed " + std::to_string(share_.max_bytes()) + " bytes";
}

std::uint64_t Session::reply(std::uint64_t id, const Payload& result, std::uint32_t streams,
                             std::span<const std::uint64_t> references) {
  Inbound* inbound = inbound_.find(id);
  if (inbound == nullptr || inbound->answered) return 0;
  Payload payload = result;
  if (inbound->notify) streams = 0;
  if (inbound->notify || inbound->cancelled) {  // nobody reads it, nor would give the references back
    payload = {};
    references = {};
  }
  if (streams != 0) {
    if (Status status = check_room_for_streams(streams); !status.ok()) {
      reply_error(id, status.error().code, false, status.error().message, {});
      return 0;
    }
  }
  const Buffer list = references.empty() ? Buffer() : encode_reference_list(references);
  const std::size_t size = (streams == 0 ? 0 : kStreamRangeBytes) + list.size() + payload.size();
  if (size > theirs_.max_message_bytes) {
    reply_error(id, Code::kResourceExhausted, false,
                "the result has " + std::to_string(size) + " bytes and the caller accepts " +
                    std::to_string(theirs_.max_message_bytes),
                {});
    return 0;
  }
  const auto range = encode_stream_range({next_id_ | our_bit_, streams});
  const std::uint8_t flags =
      (streams == 0 ? std::uint8_t{0} : kFlagStreams) | (references.empty() ? std::uint8_t{0} : kFlagReferences);
  if (streams != 0) reserve_results(id, streams);
  if (!references.empty()) references_.prepare(references);
  const Outgoing message{
      FrameType::kReply,  id, flags, streams == 0 ? ConstBytes() : ConstBytes(range), {list, payload.bytes},
      payload.attachments};
  Packed packed(*this, message);
  if (Status status = packed.pack(); !status.ok()) {
    reply_error(id, status.error().code, false, status.error().message, {});
    return 0;
  }
  if (!packed.is_long() && !outbox_.holds_back(id) && packed.write()) {
    packed.keep();
    const std::uint64_t first = streams == 0 ? 0 : open_results(id, streams);
    if (!references.empty()) references_.share(0);
    on_sent(FrameType::kReply, id);
    return first;
  }
  forget_body(*inbound);
  if (!inbound->notify && outbox_.bytes() + size > kMaxUnsentBytes && !outbox_.empty()) {
    reply_error(id, Code::kResourceExhausted, false, "the caller does not read its results", {});
    return 0;
  }
  if (!inbound->notify && !share_.has_room(size)) {
    reply_error(id, Code::kResourceExhausted, false, over_account(), {});
    return 0;
  }
  WaitingBytes bytes = packed.bytes();
  const std::uint64_t first = streams == 0 ? 0 : open_results(id, streams);
  try {
    outbox_.push(FrameType::kReply, id, std::move(bytes), packed.flags());
  } catch (const std::bad_alloc&) {
    if (streams != 0) abandon_results(id);
    throw;
  }
  packed.keep();
  if (!references.empty()) references_.share(0);
  if (Inbound* waiting = inbound_.find(id)) {
    waiting->answered = true;
    waiting->must_arrive = flags != 0;
  }
  return first;
}

void Session::reply_error(std::uint64_t id, Code code, bool not_started, std::string_view message,
                          const Payload& details) {
  Inbound* inbound = inbound_.find(id);
  if (inbound == nullptr || inbound->answered) return;
  if (inbound->notify) {
    reply(id, {});
    return;
  }
  forget_body(*inbound);
  const bool room = share_.has_room(message.size() + details.size());
  const std::size_t most = room ? kMaxErrorMessageBytes : kMaxErrorMessageBytesInNeed;
  WaitingBytes error{encode_error_prefix(code, not_started, cut_utf8(message, most)), {}};
  // Errors, too, are kept for a peer that does not read; the details are what may be long.
  const std::uint64_t size = error.body.size() + details.size();
  if (room && size <= theirs_.max_message_bytes && outbox_.bytes() + size <= kMaxUnsentBytes) {
    append(error.body, details.bytes);
    error.attachments.assign(details.attachments.begin(), details.attachments.end());
  }
  send(FrameType::kError, id, std::move(error));
  if (Inbound* waiting = inbound_.find(id)) waiting->answered = true;
}

Progress Session::receive_request(const FrameHeader& header, ConstBytes body) {
  if (is_ours(header.call_id)) return CloseReason::peer_violation("a request with an id of this side");
  if ((header.call_id & ~kSideBit) == 0) return CloseReason::peer_violation("a request with the id zero");
  Inbound* inbound = inbound_.find(header.call_id);
  const bool begins = inbound == nullptr;
  if (inbound != nullptr && (inbound->complete || inbound->answered)) {
    // Fragments that crossed our answer to a cancelled request are impossible: the peer stops before it
    // cancels. So this is an id used twice.
    return CloseReason::peer_violation("a call id used twice");
  }
  if (begins) {
    if (!call_streams_.empty() && call_streams_.find(header.call_id) != nullptr)
      return CloseReason::peer_violation("a call id used twice");
    if (!inbound_.empty() && inbound_.size() >= ours_.max_pending_calls)
      return CloseReason::peer_violation("more calls than were granted");
    inbound = &inbound_.insert(header.call_id, Inbound{});
    inbound->notify = header.type == FrameType::kNotify;
  }
  const std::uint64_t bytes = weight(header, body, begins);
  inbound->bytes += bytes;
  inbound_bytes_ += bytes;
  if (inbound_bytes_ > ours_.max_pending_bytes && inbound_.size() > 1)
    return CloseReason::peer_violation("more bytes than were granted");
  if (inbound->bytes > ours_.max_message_bytes) return CloseReason::peer_violation("a message over the limit");
  if ((header.flags & kFlagStreams) != 0 && begins) {
    if (inbound->notify) return CloseReason::peer_violation("a notification that carries streams");
    if (Progress progress = announce(header, body); !progress.ok()) return progress;
  }
  if (inbound->refused || !charge(*inbound, bytes)) {
    if (begins) turn_away(header, body);
    return refuse_request(header, *inbound);
  }

  if (!is_part(header)) {
    inbound->complete = true;
    return start_request(header, body, nullptr);
  }
  MessageStorage whole;
  Result<bool> complete = reassembly_.add(header, body, whole);
  if (!complete.ok()) return CloseReason::peer_violation(complete.error().message);
  if (!complete.value()) return {};
  inbound->complete = true;
  return start_request(header, whole.body, &whole);
}

void Session::refuse_body(std::uint64_t id, Inbound& inbound) {
  if (std::exchange(inbound.refused, true)) return;
  reassembly_.drop(id);
  share_.refund(std::exchange(inbound.charged, 0));
}

// Nothing of it is kept. The answer comes behind its last fragment, or the rest would look like another request.
Progress Session::refuse_request(const FrameHeader& header, Inbound& inbound) {
  refuse_body(header.call_id, inbound);
  if ((header.flags & kFlagMore) == 0) {
    reply_error(header.call_id, Code::kResourceExhausted, true, over_account(), {});
  }
  return {};
}

Progress Session::start_request(const FrameHeader& header, ConstBytes body, MessageStorage* storage) {
  StreamRange streams;
  if ((header.flags & kFlagStreams) != 0) {
    Result<StreamRange> carried = carried_streams(header, body);
    if (!carried.ok()) return CloseReason::peer_violation(carried.error().message);
    streams = carried.value();
  }
  Result<Request> request = decode_request(body);
  if (!request.ok()) return CloseReason::peer_violation(request.error().message);
  request.value().notify = header.type == FrameType::kNotify;
  request.value().streams = streams;
  if (storage != nullptr) request.value().attachments = storage->attachments;
  if ((header.flags & kFlagReference) != 0) {
    bool is_gone = false;
    if (Progress progress = find_reference(header.call_id, request.value(), is_gone); !progress.ok() || is_gone) {
      return progress;
    }
  }
  events_.on_request(*this, header.call_id, request.value(), storage);
  return {};
}

Progress Session::receive_cancel(std::uint64_t id) {
  if (is_ours(id)) return receive_stream_cancel(id);
  Inbound* inbound = inbound_.find(id);
  if (inbound == nullptr) return {};  // it has crossed the answer
  if (inbound->answered) {
    end_answer(id, *inbound);
    return {};
  }
  if (inbound->complete) {
    if (!std::exchange(inbound->cancelled, true)) events_.on_cancel(*this, id);
    return {};
  }
  reassembly_.drop(id);
  reply_error(id, Code::kCancelled, true, kCallCancelled, {});
  return {};
}

// The caller drops what is still to come of a long answer, so an error is sent in its place.
void Session::end_answer(std::uint64_t id, Inbound& inbound) {
  if (inbound.must_arrive || outbox_.drop(id) == Outbox::Dropped::kAllSent) return;
  inbound.answered = false;
  reply_error(id, Code::kCancelled, false, kCallCancelled, {});
}

}  // namespace ipcbridge
