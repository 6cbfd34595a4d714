#include "core/rpc/session.hpp"

#include <new>
#include <string>
#include <utility>

namespace ipcbridge {
Session::Session(std::uint64_t number, Side side, const Limits& ours, const Limits& theirs, FrameWriter& writer,
                 SessionEvents& events, Account* account, BlobMemory* shared)
    : writer_(writer),
      events_(events),
      number_(number),
      our_bit_(side == Side::kConnector ? 0 : kSideBit),
      theirs_(theirs),
      ours_(ours),
      share_(account),
      outbox_(writer, theirs.max_message_bytes, share_,
              [this](FrameType type, std::uint64_t id) { on_sent(type, id); }),
      shared_(shared),
      reassembly_(ours.max_message_bytes, shared) {}

Progress Session::receive(const FrameHeader& header, ConstBytes body) {
  try {
    return dispatch(header, body);
  } catch (const std::bad_alloc&) {
    return give_up_message(header);
  }
}

Progress Session::dispatch(const FrameHeader& header, ConstBytes body) {
  if (!is_well_formed(header)) return CloseReason::peer_violation("an unknown flag");
  if (header.length > kMaxSocketFrameBody) return CloseReason::peer_violation("a frame over the limit");
  switch (header.type) {
    case FrameType::kRequest:
    case FrameType::kNotify:
      return receive_request(header, body);
    case FrameType::kReply:
    case FrameType::kError:
      return receive_answer(header, body);
    case FrameType::kCancel:
      return receive_cancel(header.call_id);
    case FrameType::kPing:
      return receive_ping(header.call_id);
    case FrameType::kStreamItem:
      return receive_items(header, body);
    case FrameType::kStreamEnd:
      return receive_end(header, body);
    case FrameType::kCredit:
      return receive_credit(header, body);
    case FrameType::kRelease:
      return receive_release(body);
    case FrameType::kFree:
      return receive_free(body);
    case FrameType::kPong:
      return {};
    case FrameType::kGoaway:
      if (!std::exchange(goaway_received_, true)) events_.on_goaway(*this);
      return {};
    default:
      if ((header.flags & kFlagIgnorable) != 0) return {};
      return CloseReason::peer_violation("a frame of type " + std::to_string(static_cast<int>(header.type)));
  }
}

// Takes no memory itself, except to keep an answer for which the channel has no room. Where that cannot be had the call
// would wait for ever, so the connection ends.
Progress Session::give_up_message(const FrameHeader& header) {
  try {
    switch (header.type) {
      case FrameType::kRequest:
      case FrameType::kNotify:
        return give_up_request(header);
      case FrameType::kReply:
      case FrameType::kError:
        give_up_answer(header, {}, kOutOfMemory);
        return {};
      case FrameType::kCancel:
        send_out_of_memory(header.call_id, true);
        return {};
      case FrameType::kStreamItem:
      case FrameType::kStreamEnd:
        return give_up_stream(header);
      case FrameType::kPing:
        return {};
      default:
        break;
    }
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): told below
  }
  return CloseReason::out_of_memory();
}

// A peer that asks and never reads the answers gets no more memory than one that calls.
Progress Session::receive_ping(std::uint64_t id) {
  send(FrameType::kPong, id, {});
  if (outbox_.empty() || (outbox_.bytes() <= kMaxUnsentBytes && share_.has_room(0))) return {};
  return CloseReason::peer_violation("it does not read");
}

void Session::goaway() {
  if (!std::exchange(goaway_sent_, true)) send(FrameType::kGoaway, 0, {});
}

void Session::on_sent(FrameType type, std::uint64_t id) {
  switch (type) {
    case FrameType::kReply:
    case FrameType::kError:
      note_announced(id);
      finish_inbound(id);
      break;
    case FrameType::kRequest:
      note_announced(id);
      break;
    case FrameType::kStreamItem:
      if (OutboundStream* stream = outbound_streams_.find(id)) {
        stream->in_outbox = false;
        tell_room(id, *stream);
      }
      break;
    case FrameType::kStreamEnd:
      forget_stream(id);
      break;
    default:
      break;
  }
}

void Session::fail(const CloseReason& why) {
  pending_.for_each([&](std::uint64_t id, Pending& pending) {
    if (!pending.abandoned) fail_call(id, pending, why);
  });
  pending_.clear();
  inbound_.for_each([&](std::uint64_t id, Inbound& inbound) {
    if (!inbound.complete || inbound.answered || inbound.cancelled) return;
    if (!inbound.notify || !events_.keeps_notification(*this, id, inbound.bytes)) events_.on_cancel(*this, id);
  });
  inbound_.clear();
  fail_streams(why);
  references_.for_each_retained([this](std::uint64_t id) { events_.on_reference_released(*this, id); });
  references_.clear();
  if (shared_ != nullptr) shared_->close();
  lent_.clear();
  share_.close();
}

}  // namespace ipcbridge
