// Session: the streams of the peer.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/rpc/session.hpp"

namespace ipcbridge {
namespace {

// What an open stream costs besides its items, so that the account bounds their number, too.
constexpr std::uint64_t kStreamOverhead = 256;

}  // namespace

// At the first fragment: whatever becomes of the message, its streams are known and can be cancelled.
Progress Session::announce(const FrameHeader& header, ConstBytes body) {
  const Result<StreamRange> decoded = decode_stream_range(body);
  if (!decoded.ok()) return CloseReason::peer_violation(decoded.error().message);
  const StreamRange range = decoded.value();
  const std::uint64_t number = range.first & ~kSideBit;
  if (is_ours(range.first) || number == 0 || number + range.count >= kSideBit) {
    return CloseReason::peer_violation("a stream with an id that is not the peer's");
  }
  if (!is_ours(header.call_id) && range.first != header.call_id + 1) {
    return CloseReason::peer_violation("a request's streams that do not follow its id");
  }
  if (range.count > ours_.max_streams || open_inbound_streams_ + range.count > ours_.max_streams) {
    return CloseReason::peer_violation("more streams than were granted");
  }
  try {
    inbound_streams_.reserve(range.count);
    if (!is_ours(header.call_id)) call_streams_.insert(header.call_id, CallStreams{range});
  } catch (const std::bad_alloc&) {
    return CloseReason::out_of_memory();
  }
  for (std::uint64_t id = range.first; id < range.end(); ++id) {
    if (inbound_streams_.find(id) != nullptr) return CloseReason::peer_violation("a stream id used twice");
    InboundStream stream;
    stream.window = StreamWindow(ours_);
    stream.call = header.call_id;
    stream.charged = kStreamOverhead;
    share_.charge(kStreamOverhead);
    inbound_streams_.insert(id, stream);
    ++open_inbound_streams_;
  }
  return {};
}

// Those of a message that is complete, which were announced with its first fragment.
Result<StreamRange> Session::carried_streams(const FrameHeader& header, ConstBytes& body) {
  Result<StreamRange> range = decode_stream_range(body);
  if (!range.ok()) return range;
  for (std::uint64_t id = range.value().first; id < range.value().end(); ++id) {
    const InboundStream* stream = inbound_streams_.find(id);
    const bool is_fresh = stream != nullptr && stream->call == header.call_id && !stream->ended && !stream->cancelled;
    if (!is_fresh) return Error{Code::kDataLoss, "streams that were not announced, or have ended"};
  }
  return range;
}

// False when the account has no room for what has come: the stream ends with that. An end that says nothing needs none.
bool Session::charge(std::uint64_t id, InboundStream& stream, std::uint64_t bytes) {
  if (bytes == 0 || share_.has_room(bytes)) {
    stream.charged += bytes;
    share_.charge(bytes);
    return true;
  }
  const std::string why = over_account();
  Outcome outcome;
  outcome.code = Code::kResourceExhausted;
  outcome.message = why;
  cancel_inbound(id, stream);
  events_.on_stream_end(*this, id, outcome, nullptr);
  return false;
}

Progress Session::receive_items(const FrameHeader& header, ConstBytes body) {
  InboundStream* stream = inbound_streams_.find(header.call_id);
  if (stream == nullptr || stream->ended) return CloseReason::peer_violation("items of a stream that is not open");
  if (reassembly_.has(stream->call)) return CloseReason::peer_violation("items before the message with their stream");
  const bool begins = !reassembly_.has(header.call_id);
  // They have crossed the cancellation, or bring it about.
  if (stream->cancelled || !charge(header.call_id, *stream, weight(header, body, begins))) {
    skip(*stream, header, body);
    return {};
  }
  if (!is_part(header)) return start_items(header.call_id, *stream, body, nullptr);
  MessageStorage whole;
  Result<bool> complete = reassembly_.add(header, body, whole);
  if (!complete.ok()) return CloseReason::peer_violation(complete.error().message);
  return complete.value() ? start_items(header.call_id, *stream, whole.body, &whole) : Progress();
}

Progress Session::start_items(std::uint64_t id, InboundStream& stream, ConstBytes body, MessageStorage* storage) {
  if (storage == nullptr) {
    // The sizes are read again by whoever reads the items, so they are copied out of the peer's memory first.
    items_.assign(body.begin(), body.end());
    body = items_;
  }
  const Result<std::uint32_t> count = check_items(body);
  if (!count.ok()) return CloseReason::peer_violation(count.error().message);
  std::span<const Attachment> attachments;
  if (storage != nullptr) attachments = storage->attachments;
  // What comes ahead counts against the account as well: where half of that is used up, nothing more does.
  const std::uint64_t lent = share_.has_room(share_.max_bytes() / 2) ? lent_bytes(attachments) : 0;
  if (!stream.window.receive(count.value(), body.size() + total_bytes(attachments), lent)) {
    return CloseReason::peer_violation("more items than were granted");
  }
  events_.on_stream_items(*this, id, count.value(), body.subspan(kItemsPrefixBytes), storage);
  return {};
}

Progress Session::receive_end(const FrameHeader& header, ConstBytes body) {
  InboundStream* stream = inbound_streams_.find(header.call_id);
  if (stream == nullptr || stream->ended) return CloseReason::peer_violation("the end of a stream that is not open");
  const bool begins = !reassembly_.has(header.call_id);
  if (stream->cancelled ||
      !charge(header.call_id, *stream, weight(header, body, begins))) {  // nobody reads what it says
    skip(*stream, header, body);
    return (header.flags & kFlagMore) == 0 ? finish_stream(header.call_id, {}, nullptr) : Progress();
  }
  if (!is_part(header)) return finish_stream(header.call_id, body, nullptr);
  MessageStorage whole;
  Result<bool> complete = reassembly_.add(header, body, whole);
  if (!complete.ok()) return CloseReason::peer_violation(complete.error().message);
  return complete.value() ? finish_stream(header.call_id, whole.body, &whole) : Progress();
}

Progress Session::finish_stream(std::uint64_t id, ConstBytes body, MessageStorage* storage) {
  Outcome outcome;
  ByteBlock copy;
  if (!body.empty()) {
    // Parts of an error are read twice, so it is copied out of the peer's memory first.
    if (storage == nullptr) copy = ByteBlock(body);
    Result<Outcome> error = decode_error(storage == nullptr ? copy : storage->body);
    if (!error.ok()) return CloseReason::peer_violation(error.error().message);
    outcome = error.value();
  }
  outcome.remote = true;
  InboundStream& stream = *inbound_streams_.find(id);
  if (--open_inbound_streams_ == 0) items_ = {};
  references_.stream_ended(stream.call);
  const bool cancelled = stream.cancelled;
  stream.ended = true;
  // The owner keeps what it says for as long as it may keep the stream of an argument.
  if (CallStreams* streams = body.empty() ? nullptr : call_streams_.find(stream.call)) {
    const std::uint64_t bytes = body.size() + (storage == nullptr ? 0 : total_bytes(storage->attachments));
    stream.charged -= bytes;
    streams->charged += bytes;
  }
  if (cancelled || stream.window.all_consumed()) {
    share_.refund(stream.charged);
    inbound_streams_.erase(id);
  }
  if (!cancelled) events_.on_stream_end(*this, id, outcome, storage);
  return {};
}

// There is no memory for a message of this stream. Its end cannot be left out.
Progress Session::give_up_stream(const FrameHeader& header) {
  InboundStream* stream = inbound_streams_.find(header.call_id);
  if (stream == nullptr || header.type == FrameType::kStreamEnd) return CloseReason::out_of_memory();
  Outcome outcome;
  outcome.code = Code::kResourceExhausted;
  outcome.message = kOutOfMemory;
  cancel_inbound(header.call_id, *stream);
  stream->skips = (header.flags & kFlagMore) != 0;
  events_.on_stream_end(*this, header.call_id, outcome, nullptr);
  return {};
}

// A frame of a stream that this side has cancelled.
void Session::skip(InboundStream& stream, const FrameHeader& header, ConstBytes body) {
  if (!stream.skips) turn_away(header, body);
  stream.skips = (header.flags & kFlagMore) != 0;
}

void Session::consume_stream(std::uint64_t id, std::uint64_t items, std::uint64_t bytes) {
  InboundStream* stream = inbound_streams_.find(id);
  if (stream == nullptr || stream->cancelled) return;
  const std::uint64_t refunded = std::min(bytes, stream->charged - std::min(stream->charged, kStreamOverhead));
  stream->charged -= refunded;
  share_.refund(refunded);
  const std::optional<StreamTotals> grant = stream->window.consume(items, bytes);
  if (stream->ended) {
    if (!stream->window.all_consumed()) return;
    share_.refund(stream->charged);
    inbound_streams_.erase(id);
  } else if (grant) {
    Buffer body(2 * sizeof(std::uint64_t));
    store(body.data(), grant->items);
    store(body.data() + sizeof(std::uint64_t), grant->bytes);
    send(FrameType::kCredit, id, {std::move(body), {}});
  }
}

void Session::cancel_stream(std::uint64_t id) {
  if (InboundStream* stream = inbound_streams_.find(id)) cancel_inbound(id, *stream);
}

void Session::cancel_inbound(std::uint64_t id, InboundStream& stream) {
  if (stream.cancelled) return;
  share_.refund(std::exchange(stream.charged, 0));
  if (stream.ended) {
    inbound_streams_.erase(id);
    return;
  }
  stream.cancelled = true;
  stream.skips = reassembly_.drop(id);
  send(FrameType::kCancel, id, {});
}

// The streams of an answer that nobody waits for any more.
void Session::cancel_streams_of(std::uint64_t call) {
  if (inbound_streams_.empty()) return;
  std::vector<std::uint64_t> ids;
  inbound_streams_.for_each([&](std::uint64_t id, const InboundStream& stream) {
    if (stream.call == call) ids.push_back(id);
  });
  for (const std::uint64_t id : ids) cancel_stream(id);
}

// A call of the peer's has been answered, or a stream of its reply has ended.
void Session::release_arguments(std::uint64_t call) {
  const CallStreams* streams = call_streams_.find(call);
  if (streams == nullptr || streams->open_results > 0 || inbound_.find(call) != nullptr) return;
  const StreamRange range = streams->arguments;
  share_.refund(streams->charged);
  call_streams_.erase(call);
  for (std::uint64_t id = range.first; id < range.end(); ++id) {
    InboundStream* stream = inbound_streams_.find(id);
    if (stream == nullptr || stream->cancelled) continue;
    const bool ended = stream->ended;
    cancel_inbound(id, *stream);
    if (ended) continue;
    Outcome outcome;
    outcome.code = Code::kCancelled;
    outcome.message = "the call that brought the stream has been answered";
    events_.on_stream_end(*this, id, outcome, nullptr);
  }
}

void Session::fail_streams(const CloseReason& why) {
  outbound_streams_.for_each([&](std::uint64_t id, const OutboundStream& stream) {
    if (stream.ended || stream.end) return;
    // The owner knows those of a call by on_streams_open(), those of a reply since it gave it.
    if (stream.announced || !is_ours(stream.call)) events_.on_stream_cancelled(*this, id);
  });
  outbound_streams_.clear();
  unannounced_streams_ = 0;
  Outcome outcome;
  outcome.code = why.kind() == CloseReason::Kind::kOwner ? why.code() : Code::kUnavailable;
  outcome.sent_maybe = true;
  outcome.message = why.message();
  inbound_streams_.for_each([&](std::uint64_t id, const InboundStream& stream) {
    if (!stream.ended && !stream.cancelled) events_.on_stream_end(*this, id, outcome, nullptr);
  });
  inbound_streams_.clear();
  open_inbound_streams_ = 0;
  call_streams_.clear();
}

}  // namespace ipcbridge
