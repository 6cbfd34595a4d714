// Session: the streams of this side.
#include <algorithm>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "core/base/utf8.hpp"
#include "core/rpc/outgoing.hpp"

namespace ipcbridge {
namespace {

WaitingBytes end_of_stream(const Error& why, const Payload& details, std::uint64_t max_bytes) {
  constexpr std::size_t kMaxMessageBytes = 8UL * 1024;
  const std::string_view message = cut_utf8(why.message, kMaxMessageBytes);
  WaitingBytes end{encode_error_prefix(why.code, false, message), {}};
  if (end.body.size() + details.size() <= max_bytes) {
    append(end.body, details.bytes);
    end.attachments.assign(details.attachments.begin(), details.attachments.end());
  }
  return end;
}

const Error& cancelled() {
  static const Error kError{Code::kCancelled, "the stream was cancelled"};
  return kError;
}

}  // namespace

Status Session::check_room_for_streams(std::uint32_t count) const {
  if (outbound_streams_.size() + count <= theirs_.max_streams) return {};
  if (theirs_.max_streams == 0) return Error{Code::kUnimplemented, "the other side takes no streams: send a list"};
  return Error{Code::kResourceExhausted, "too many open streams: the peer takes " +
                                             std::to_string(theirs_.max_streams) + " of a connection at a time"};
}

// Needs no memory: room for them has been reserved.
StreamRange Session::open_streams(std::uint64_t call, std::uint32_t count) {
  const StreamRange range{next_id_ | our_bit_, count};
  next_id_ += count;
  unannounced_streams_ += count;
  for (std::uint64_t id = range.first; id < range.end(); ++id) {
    OutboundStream stream;
    stream.credit = StreamCredit(theirs_);
    stream.call = call;
    outbound_streams_.insert(id, std::move(stream));
  }
  return range;
}

void Session::reserve_results(std::uint64_t call, std::uint32_t count) {
  outbound_streams_.reserve(count);
  if (call_streams_.find(call) == nullptr) call_streams_.insert(call, CallStreams{});
}

std::uint64_t Session::open_results(std::uint64_t call, std::uint32_t count) {
  call_streams_.find(call)->open_results = count;
  return open_streams(call, count).first;
}

// The reply that carries them cannot be sent.
void Session::abandon_results(std::uint64_t call) {
  abandon_streams(call, /*unsent=*/true);
  call_streams_.find(call)->open_results = 0;
}

// The message that carries them is out, so that what they send comes behind it.
void Session::note_announced(std::uint64_t call) {
  if (unannounced_streams_ == 0) return;
  StreamRange range;
  outbound_streams_.for_each([&](std::uint64_t id, OutboundStream& stream) {
    if (stream.call != call || stream.announced) return;
    stream.announced = true;
    range.first = range.count++ == 0 ? id : std::min(range.first, id);
  });
  if (range.count == 0) return;
  unannounced_streams_ -= range.count;
  if (is_ours(call)) {
    if (const Pending* pending = pending_.find(call)) events_.on_streams_open(*this, pending->token, range);
    return;
  }
  for (std::uint64_t id = range.first; id < range.end(); ++id) {
    OutboundStream* stream = outbound_streams_.find(id);
    if (stream->end) {
      end_stream(id, *stream, std::move(*std::exchange(stream->end, nullptr)));
    } else {
      tell_room(id, *stream);
    }
  }
}

std::uint32_t Session::count_streams(std::uint64_t call) {
  std::uint32_t count = 0;
  outbound_streams_.for_each(
      [&](std::uint64_t, const OutboundStream& stream) { count += stream.call == call ? 1 : 0; });
  return count;
}

// The call that carries them is over for this side. `unsent`: the peer has not heard of them.
void Session::abandon_streams(std::uint64_t call, bool unsent) {
  std::vector<std::uint64_t> ids;
  outbound_streams_.for_each([&](std::uint64_t id, const OutboundStream& stream) {
    if (stream.call == call && !stream.ended) ids.push_back(id);
  });
  for (const std::uint64_t id : ids) {
    OutboundStream& stream = *outbound_streams_.find(id);
    if (stream.announced) {
      events_.on_stream_cancelled(*this, id);
    } else {
      --unannounced_streams_;
    }
    if (unsent) {
      outbound_streams_.erase(id);
    } else {
      stream.announced = true;  // with the part of the message that has been sent
      end_stream(id, stream, end_of_stream(cancelled(), {}, theirs_.max_message_bytes));
    }
  }
}

StreamRoom Session::room_of(const OutboundStream& stream) const {
  return stream.announced && !stream.in_outbox && !stream.ended ? stream.credit.room() : StreamRoom{};
}

Result<StreamRoom> Session::stream_room(std::uint64_t id) {
  OutboundStream* stream = outbound_streams_.find(id);
  if (stream == nullptr || stream->ended || stream->end) return cancelled();
  const StreamRoom room = room_of(*stream);
  stream->wants_room = room.empty();
  if (!stream->wants_room) stream->stalled_since = kNever;
  return room;
}

void Session::note_stalled(std::uint64_t id, TimePoint now) {
  OutboundStream* stream = outbound_streams_.find(id);
  if (stream != nullptr && stream->wants_room) stream->stalled_since = std::min(stream->stalled_since, now);
}

StreamActivity Session::stream_activity() const {
  StreamActivity activity;
  outbound_streams_.for_each([&](std::uint64_t, const OutboundStream& stream) {
    if (stream.ended) return;
    ++activity.open;
    if (!stream.wants_room) return;
    ++activity.stalled;
    activity.stalled_since = std::min(activity.stalled_since, stream.stalled_since);
  });
  inbound_streams_.for_each([&](std::uint64_t, const InboundStream& stream) {
    if (stream.cancelled) return;
    ++activity.open;
    if (!stream.ended && stream.window.all_consumed()) ++activity.awaited;
  });
  return activity;
}

void Session::tell_room(std::uint64_t id, OutboundStream& stream) {
  if (!stream.wants_room || room_of(stream).empty()) return;
  stream.wants_room = !events_.on_stream_room(*this, id);
  if (!stream.wants_room) stream.stalled_since = kNever;
  has_untold_rooms_ = has_untold_rooms_ || stream.wants_room;
}

void Session::tell_rooms() {
  if (!std::exchange(has_untold_rooms_, false)) return;
  outbound_streams_.for_each([this](std::uint64_t id, OutboundStream& stream) { tell_room(id, stream); });
}

Result<StreamRoom> Session::send_items(std::uint64_t id, const Payload& items) {
  OutboundStream* stream = outbound_streams_.find(id);
  if (stream == nullptr || stream->ended || stream->end) return cancelled();
  const std::size_t size = items.size();
  if (size > theirs_.max_message_bytes) {
    return Error{Code::kResourceExhausted, "the item has " + std::to_string(size) + " bytes and the peer accepts " +
                                               std::to_string(theirs_.max_message_bytes)};
  }
  StreamCredit credit = stream->credit;
  if (room_of(*stream).empty() || !credit.send(load<std::uint32_t>(items.bytes.data()), size)) {
    return Error{Code::kInternal, "more items than there is room for"};
  }
  const Outgoing message{FrameType::kStreamItem, id, 0, {}, {items.bytes}, items.attachments};
  Packed packed(*this, message);
  if (Status status = packed.pack(); !status.ok()) return status.error();
  if (!packed.is_long() && !outbox_.holds_back(id) && packed.write()) {
    packed.keep();
    stream->credit = credit;
    return stream_room(id);
  }
  WaitingBytes bytes = packed.bytes();
  stream->in_outbox = true;
  try {
    outbox_.push(FrameType::kStreamItem, id, std::move(bytes), packed.flags());
    packed.keep();
  } catch (const std::bad_alloc&) {
    stream->in_outbox = false;
    throw;
  }
  outbound_streams_.find(id)->credit = credit;
  return stream_room(id);
}

void Session::end_stream(std::uint64_t id, const Error* error, const Payload& details) {
  OutboundStream* stream = outbound_streams_.find(id);
  if (stream == nullptr || stream->ended || stream->end) return;
  end_stream(id, *stream,
             error == nullptr ? WaitingBytes() : end_of_stream(*error, details, theirs_.max_message_bytes));
}

void Session::end_stream(std::uint64_t id, OutboundStream& stream, WaitingBytes body) {
  if (stream.announced) {
    stream.ended = true;
    send(FrameType::kStreamEnd, id, std::move(body));
  } else {
    stream.end = std::make_unique<WaitingBytes>(std::move(body));
    stream.wants_room = false;
  }
}

// Its end has been sent. When it was the last that a reply carried, the arguments of that call may go.
void Session::forget_stream(std::uint64_t id) {
  const OutboundStream* stream = outbound_streams_.find(id);
  if (stream == nullptr) return;
  const std::uint64_t call = stream->call;
  outbound_streams_.erase(id);
  if (is_ours(call)) return;
  if (CallStreams* streams = call_streams_.find(call)) {
    if (streams->open_results > 0) --streams->open_results;
    release_arguments(call);
  }
}

Progress Session::receive_credit(const FrameHeader& header, ConstBytes body) {
  const std::uint64_t number = header.call_id & ~kSideBit;
  ByteReader reader(body);
  StreamTotals totals;
  const bool read = reader.read(totals.items) && reader.read(totals.bytes) && reader.rest().empty();
  if (!read || (header.flags & kFlagMore) != 0) return CloseReason::peer_violation("a malformed credit");
  if (!is_ours(header.call_id) || number == 0 || number >= next_id_ || pending_.find(header.call_id) != nullptr) {
    return CloseReason::peer_violation("credit for no stream");
  }
  OutboundStream* stream = outbound_streams_.find(header.call_id);
  if (stream == nullptr) return {};  // it has crossed the end
  stream->credit.grant(totals);
  tell_room(header.call_id, *stream);
  return {};
}

Progress Session::receive_stream_cancel(std::uint64_t id) {
  const std::uint64_t number = id & ~kSideBit;
  if (number == 0 || number >= next_id_ || pending_.find(id) != nullptr) {
    return CloseReason::peer_violation("a cancellation of a call of this side");
  }
  OutboundStream* stream = outbound_streams_.find(id);
  if (stream == nullptr || stream->ended || stream->end) return {};  // it has crossed the end
  outbox_.drop(id);
  stream->in_outbox = false;
  events_.on_stream_cancelled(*this, id);
  end_stream(id, *stream, end_of_stream(cancelled(), {}, theirs_.max_message_bytes));
  return {};
}

}  // namespace ipcbridge
