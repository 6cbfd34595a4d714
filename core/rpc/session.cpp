#include "core/rpc/session.hpp"

#include <array>
#include <new>
#include <string>
#include <utility>

#include "core/base/utf8.hpp"

namespace ipcbridge {
namespace {

// Replies that the peer does not read are kept up to this many bytes; beyond it a reply shrinks to an error.
constexpr std::uint64_t kMaxUnsentBytes = 256ULL * 1024 * 1024;

// A message that is longer has the rest in its details; in one frame, it needs no part of max_message_bytes.
constexpr std::size_t kMaxErrorMessageBytes = 8UL * 1024;
// And where the user's account is full: an error is kept all the same, because each call is answered.
constexpr std::size_t kMaxErrorMessageBytesInNeed = 256;

// What a call costs besides its bytes, so that the account bounds the number of calls, too.
constexpr std::uint64_t kCallOverhead = 256;

Error violation(const std::string& what) { return {Code::kDataLoss, "the peer broke the protocol: " + what}; }

}  // namespace

Session::Session(std::uint64_t number, Side side, const Limits& ours, const Limits& theirs, FrameWriter& writer,
                 SessionEvents& events, Account* account)
    : writer_(writer),
      events_(events),
      number_(number),
      our_bit_(side == Side::kConnector ? 0 : kSideBit),
      theirs_(theirs),
      ours_(ours),
      share_(account),
      outbox_(writer, theirs.max_message_bytes, share_,
              [this](FrameType type, std::uint64_t id) { on_sent(type, id); }),
      reassembly_(ours.max_message_bytes) {}

Status Session::receive(const FrameHeader& header, ConstBytes body) {
  try {
    return dispatch(header, body);
  } catch (const std::bad_alloc&) {
    return give_up_message(header);
  }
}

Status Session::dispatch(const FrameHeader& header, ConstBytes body) {
  if (!is_well_formed(header)) return violation("an unknown flag");
  if (header.length > kMaxFrameBody) return violation("a frame over the limit");
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
    case FrameType::kPong:
      return {};
    case FrameType::kGoaway:
      if (!std::exchange(goaway_received_, true)) events_.on_goaway(*this);
      return {};
    default:
      if ((header.flags & kFlagIgnorable) != 0) return {};
      return violation("a frame of type " + std::to_string(static_cast<int>(header.type)));
  }
}

// Takes no memory itself, except to keep an answer for which the channel has no room. Where that cannot be had the call
// would wait for ever, so the connection ends.
Status Session::give_up_message(const FrameHeader& header) {
  try {
    switch (header.type) {
      case FrameType::kRequest:
      case FrameType::kNotify:
        return give_up_request(header);
      case FrameType::kReply:
      case FrameType::kError:
        give_up_answer(header);
        return {};
      case FrameType::kCancel:
        send_out_of_memory(header.call_id, true);
        return {};
      case FrameType::kPing:
        return {};
      default:
        break;
    }
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): told below
  }
  return Error{Code::kResourceExhausted, kOutOfMemory};
}

Status Session::give_up_request(const FrameHeader& header) {
  if (is_ours(header.call_id) || (header.call_id & ~kSideBit) == 0) return Error{Code::kDataLoss, kOutOfMemory};
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

void Session::give_up_answer(const FrameHeader& header) {
  Pending* pending = pending_.find(header.call_id);
  if (pending == nullptr) return;
  reassembly_.drop(header.call_id);
  const std::uint64_t token = pending->token;
  const bool abandoned = std::exchange(pending->abandoned, true);
  // The callee counts the call until its last fragment is out, and so does this side.
  pending->skipped = true;
  if ((header.flags & kFlagMore) == 0) take_pending(header.call_id);
  if (abandoned) return;
  Outcome outcome;
  outcome.code = Code::kResourceExhausted;
  outcome.sent_maybe = true;
  outcome.message = kOutOfMemory;
  events_.on_outcome(*this, token, outcome, nullptr);
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
  outbox_.push(FrameType::kError, id, Buffer(body.begin(), body.end()));
  if (Inbound* waiting = inbound_.find(id)) waiting->answered = true;
}

// A peer that asks and never reads the answers gets no more memory than one that calls.
Status Session::receive_ping(std::uint64_t id) {
  send(FrameType::kPong, id, {});
  if (outbox_.empty() || (outbox_.bytes() <= kMaxUnsentBytes && share_.has_room(0))) return {};
  return violation("it does not read");
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
  const std::size_t size = kRequestPrefixBytes + request.metadata.size() + request.payload.size();
  if (goaway_received_) return Error{Code::kUnavailable, "the service is closing"};
  if (size > theirs_.max_message_bytes) {
    return Error{Code::kResourceExhausted, "the message has " + std::to_string(size) + " bytes and the peer accepts " +
                                               std::to_string(theirs_.max_message_bytes)};
  }
  if (outbox_.has_short() || !outbox_.can_begin(size) || !admits(size)) return 0;

  const std::uint64_t id = next_id_ | our_bit_;
  const FrameType type = request.notify ? FrameType::kNotify : FrameType::kRequest;
  const RequestPrefix prefix = encode_request_prefix(request);
  const std::array<ConstBytes, 3> parts{prefix, request.metadata, request.payload};
  pending_.reserve_one();
  if (size <= kMaxFrameBody) {
    const FrameHeader header{static_cast<std::uint32_t>(size), type, 0, 0, id};
    if (!writer_.write_frame(header, parts)) return 0;
  } else {
    Buffer body;
    body.reserve(size);
    for (const ConstBytes part : parts) append(body, part);
    outbox_.push(type, id, std::move(body));
  }
  ++next_id_;
  pending_.insert(id, Pending{token, size});
  pending_bytes_ += size;
  return id;
}

bool Session::cancel(std::uint64_t id) {
  Pending* pending = pending_.find(id);
  if (pending == nullptr || pending->abandoned) return true;
  pending->abandoned = true;
  const Outbox::Dropped dropped = outbox_.drop(id);
  if (dropped == Outbox::Dropped::kUnsent) {
    take_pending(id);
    return false;
  }
  send(FrameType::kCancel, id, {});
  return dropped == Outbox::Dropped::kAllSent;
}

void Session::send(FrameType type, std::uint64_t id, Buffer body) {
  // Straight into the channel when nothing waits; this is the usual way.
  if (!outbox_.holds_back(id) && body.size() <= kMaxFrameBody) {
    const FrameHeader header{static_cast<std::uint32_t>(body.size()), type, 0, 0, id};
    const ConstBytes view(body);
    if (writer_.write_frame(header, std::span(&view, 1))) {
      on_sent(type, id);
      return;
    }
  }
  outbox_.push(type, id, std::move(body));
}

void Session::on_sent(FrameType type, std::uint64_t id) {
  if (type == FrameType::kReply || type == FrameType::kError) finish_inbound(id);
}

void Session::finish_inbound(std::uint64_t id) {
  if (const Inbound* inbound = inbound_.find(id)) {
    inbound_bytes_ -= inbound->bytes;
    share_.refund(inbound->charged);
    inbound_.erase(id);
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

void Session::reply(std::uint64_t id, ConstBytes payload) {
  Inbound* inbound = inbound_.find(id);
  if (inbound == nullptr || inbound->answered) return;
  if (inbound->notify) payload = {};
  if (payload.size() > theirs_.max_message_bytes) {
    reply_error(id, Code::kResourceExhausted, false,
                "the result has " + std::to_string(payload.size()) + " bytes and the caller accepts " +
                    std::to_string(theirs_.max_message_bytes),
                {});
    return;
  }
  if (!outbox_.holds_back(id) && payload.size() <= kMaxFrameBody) {
    const FrameHeader header{static_cast<std::uint32_t>(payload.size()), FrameType::kReply, 0, 0, id};
    if (writer_.write_frame(header, std::span(&payload, 1))) {
      finish_inbound(id);
      return;
    }
  }
  forget_body(*inbound);
  if (!inbound->notify && outbox_.bytes() + payload.size() > kMaxUnsentBytes && !outbox_.empty()) {
    reply_error(id, Code::kResourceExhausted, false, "the caller does not read its results", {});
    return;
  }
  if (!inbound->notify && !share_.has_room(payload.size())) {
    reply_error(id, Code::kResourceExhausted, false, over_account(), {});
    return;
  }
  outbox_.push(FrameType::kReply, id, Buffer(payload.begin(), payload.end()));
  if (Inbound* waiting = inbound_.find(id)) waiting->answered = true;
}

void Session::reply_error(std::uint64_t id, Code code, bool not_started, std::string_view message, ConstBytes details) {
  Inbound* inbound = inbound_.find(id);
  if (inbound == nullptr || inbound->answered) return;
  if (inbound->notify) {
    reply(id, {});
    return;
  }
  forget_body(*inbound);
  const bool room = share_.has_room(message.size() + details.size());
  const std::size_t most = room ? kMaxErrorMessageBytes : kMaxErrorMessageBytesInNeed;
  Buffer body = encode_error_prefix(code, not_started, cut_utf8(message, most));
  // Errors, too, are kept for a peer that does not read; the details are what may be long.
  const std::uint64_t unsent = outbox_.bytes() + body.size() + details.size();
  const bool fits = body.size() + details.size() <= theirs_.max_message_bytes && unsent <= kMaxUnsentBytes;
  if (room && fits) append(body, details);
  send(FrameType::kError, id, std::move(body));
  if (Inbound* waiting = inbound_.find(id)) waiting->answered = true;
}

void Session::goaway() {
  if (!std::exchange(goaway_sent_, true)) send(FrameType::kGoaway, 0, {});
}

Status Session::receive_request(const FrameHeader& header, ConstBytes body) {
  if (is_ours(header.call_id)) return violation("a request with an id of this side");
  if ((header.call_id & ~kSideBit) == 0) return violation("a request with the id zero");
  Inbound* inbound = inbound_.find(header.call_id);
  if (inbound != nullptr && (inbound->complete || inbound->answered)) {
    // Fragments that crossed our answer to a cancelled request are impossible: the peer stops before it
    // cancels. So this is an id used twice.
    return violation("a call id used twice");
  }
  if (inbound == nullptr) {
    if (!inbound_.empty() && inbound_.size() >= ours_.max_pending_calls)
      return violation("more calls than were granted");
    inbound = &inbound_.insert(header.call_id, Inbound{});
    inbound->notify = header.type == FrameType::kNotify;
  }
  inbound->bytes += body.size();
  inbound_bytes_ += body.size();
  if (inbound_bytes_ > ours_.max_pending_bytes && inbound_.size() > 1) return violation("more bytes than were granted");
  if (inbound->bytes > ours_.max_message_bytes) return violation("a message over the limit");
  if (inbound->refused || !charge(*inbound, body.size())) return refuse_request(header, *inbound);

  const bool fragment = (header.flags & kFlagMore) != 0 || reassembly_.has(header.call_id);
  if (!fragment) {
    inbound->complete = true;
    return start_request(header, body, nullptr);
  }
  Buffer whole;
  Result<bool> complete = reassembly_.add(header, body, whole);
  if (!complete.ok()) return complete.error();
  if (!complete.value()) return {};
  inbound->complete = true;
  return start_request(header, whole, &whole);
}

void Session::refuse_body(std::uint64_t id, Inbound& inbound) {
  if (std::exchange(inbound.refused, true)) return;
  reassembly_.drop(id);
  share_.refund(std::exchange(inbound.charged, 0));
}

// Nothing of it is kept. The answer comes behind its last fragment, or the rest would look like another request.
Status Session::refuse_request(const FrameHeader& header, Inbound& inbound) {
  refuse_body(header.call_id, inbound);
  if ((header.flags & kFlagMore) == 0) {
    reply_error(header.call_id, Code::kResourceExhausted, true, over_account(), {});
  }
  return {};
}

Status Session::start_request(const FrameHeader& header, ConstBytes body, Buffer* storage) {
  Result<Request> request = decode_request(body);
  if (!request.ok()) return request.error();
  request.value().notify = header.type == FrameType::kNotify;
  events_.on_request(*this, header.call_id, request.value(), storage);
  return {};
}

Status Session::receive_answer(const FrameHeader& header, ConstBytes body) {
  const std::uint64_t number = header.call_id & ~kSideBit;
  if (!is_ours(header.call_id) || number == 0 || number >= next_id_) return violation("an answer to no call");
  const Pending* pending = pending_.find(header.call_id);
  if (pending == nullptr) return {};  // answered already: ignored
  if (pending->skipped) {
    if ((header.flags & kFlagMore) == 0) take_pending(header.call_id);
    return {};
  }
  const bool fragment = (header.flags & kFlagMore) != 0 || reassembly_.has(header.call_id);
  if (!fragment) return finish_call(header, body, nullptr);
  Buffer whole;
  Result<bool> complete = reassembly_.add(header, body, whole);
  if (!complete.ok()) return complete.error();
  return complete.value() ? finish_call(header, whole, &whole) : Status();
}

Status Session::finish_call(const FrameHeader& header, ConstBytes body, Buffer* storage) {
  Outcome outcome;
  if (header.type == FrameType::kError) {
    // Parts of an error are read twice, so it is copied out of the peer's memory first.
    Buffer copy;
    if (storage == nullptr) {
      copy.assign(body.begin(), body.end());
      storage = &copy;
    }
    Result<Outcome> error = decode_error(*storage);
    if (!error.ok()) return error.error();
    outcome = error.value();
    const Pending pending = take_pending(header.call_id);
    // The views are in `storage`; a short one is a copy of this function's.
    if (!pending.abandoned) events_.on_outcome(*this, pending.token, outcome, storage == &copy ? nullptr : storage);
    return {};
  }
  outcome.remote = true;
  outcome.payload = body;
  const Pending pending = take_pending(header.call_id);
  if (!pending.abandoned) events_.on_outcome(*this, pending.token, outcome, storage);
  return {};
}

Session::Pending Session::take_pending(std::uint64_t id) {
  const Pending pending = *pending_.find(id);
  pending_bytes_ -= pending.bytes;
  pending_.erase(id);
  return pending;
}

Status Session::receive_cancel(std::uint64_t id) {
  if (is_ours(id)) return violation("a cancellation of a call of this side");
  Inbound* inbound = inbound_.find(id);
  if (inbound == nullptr || inbound->answered) return {};  // it has crossed the answer
  if (inbound->complete) {
    if (!std::exchange(inbound->cancelled, true)) events_.on_cancel(*this, id);
    return {};
  }
  reassembly_.drop(id);
  reply_error(id, Code::kCancelled, true, "the call was cancelled", {});
  return {};
}

void Session::fail_call(std::uint64_t id, const Pending& pending, const Error& why) {
  Buffer body;
  const Outbox::Dropped sent = outbox_.take(id, body);
  if (sent != Outbox::Dropped::kAllSent) {
    const bool begun = sent == Outbox::Dropped::kPartlySent;
    events_.on_unsent(*this, pending.token, decode_request(body).value(), begun, why);
    return;
  }
  Outcome outcome;
  outcome.code = Code::kUnavailable;
  outcome.sent_maybe = true;
  outcome.message = why.message;
  events_.on_outcome(*this, pending.token, outcome, nullptr);
}

void Session::fail(const Error& why) {
  pending_.for_each([&](std::uint64_t id, Pending& pending) {
    if (!pending.abandoned) fail_call(id, pending, why);
  });
  pending_.clear();
  inbound_.for_each([&](std::uint64_t id, Inbound& inbound) {
    if (!inbound.complete || inbound.answered || inbound.cancelled) return;
    if (!inbound.notify || !events_.keeps_notification(*this, id, inbound.bytes)) events_.on_cancel(*this, id);
  });
  inbound_.clear();
  share_.close();
}

}  // namespace ipcbridge
