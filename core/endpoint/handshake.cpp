#include "core/endpoint/handshake.hpp"

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/rpc/message.hpp"
#include "core/transport/socket.hpp"

namespace ipcbridge {
namespace {

bool send(Channel& channel, FrameType type, const Buffer& body) {
  const FrameHeader header{static_cast<std::uint32_t>(body.size()), type, 0, 0, 0};
  const ConstBytes view(body);
  return channel.write(header, std::span(&view, 1));
}

// Of what no peer says that knows the protocol.
Progress no_handshake() { return CloseReason::peer_violation("it does not speak ipcbridge"); }

}  // namespace

Handshake::Handshake(System& system, Session::Side side, Hello ours, std::size_t ring_bytes, Channel& channel)
    : system_(system),
      side_(side),
      ours_(std::move(ours)),
      ring_bytes_(channel.memory_sharing() == nullptr ? 0 : ring_bytes),
      channel_(channel),
      sharing_(channel.memory_sharing()) {}

Progress Handshake::start() {
  if (ring_bytes_ != 0) offer_segment();
  if (Progress progress = send_hello(); !progress.ok()) return progress;
  if (sharing_ != nullptr && sharing_->fd_refused()) {
    withdraw_segment({Code::kResourceExhausted, "too many descriptors of this user are being passed"});
    if (Progress progress = send_hello(); !progress.ok()) return progress;
  }
  ours_.methods = std::vector<std::string>();  // said, and not needed again: {} would keep the memory
  return {};
}

void Handshake::offer_segment() {
  Result<shm::OwnSegment> segment = shm::create_segment(system_, ring_bytes_);
  if (!segment.ok()) {
    withdraw_segment(segment.error());
    return;
  }
  own_ = std::move(segment).value();
  ours_.optional_features |= feature::kShm;
  sharing_->attach(std::move(own_.memory));
}

void Handshake::withdraw_segment(const Error& why) {
  ours_.optional_features &= ~feature::kShm;
  fall_back(why.code, why.message);
  ours_.no_shm = fallback_.code;
}

Progress Handshake::send_hello() {
  const Buffer body = encode_hello(ours_);
  // A peer that has closed already may have said why: reading finds that, or the end.
  if (!send(channel_, FrameType::kHello, body) && channel_.wants_writable()) {
    return CloseReason::out_of_resources("the socket takes no HELLO");
  }
  return {};
}

Progress Handshake::on_frame(const FrameHeader& header, ConstBytes body) {
  if (!is_well_formed(header)) return no_handshake();
  switch (header.type) {
    case FrameType::kError: {
      if (header.call_id != 0) return no_handshake();
      Result<Outcome> refusal = decode_error(body);
      if (!refusal.ok()) return CloseReason::peer_violation(refusal.error().message);
      return CloseReason::peer_refusal({refusal.value().code, std::string(refusal.value().message)});
    }
    case FrameType::kHello:
      return theirs_ ? no_handshake() : receive_hello(body);
    case FrameType::kUpgrade:
      return theirs_ && negotiates_shm() && !their_verdict_ ? receive_verdict(body) : no_handshake();
    default:
      return admits(header.type, header.flags) ? Progress() : no_handshake();
  }
}

bool Handshake::admits(FrameType type, std::uint8_t flags) {
  const bool is_known = type == FrameType::kHello || type == FrameType::kUpgrade || type == FrameType::kError;
  return is_known || (flags & kFlagIgnorable) != 0;
}

bool Handshake::negotiates_shm() const {
  return (ours_.optional_features & feature::kShm) != 0 && (theirs_->optional_features & feature::kShm) != 0;
}

Progress Handshake::receive_hello(ConstBytes body) {
  Result<Hello> hello = decode_hello(body);
  if (!hello.ok()) return CloseReason::peer_violation(hello.error().message);
  // The peer should hear of that.
  if (Status status = check_compatible(hello.value()); !status.ok()) return CloseReason::refusal(status.error());
  theirs_ = std::move(hello).value();
  if (side_ == Session::Side::kAcceptor && theirs_->methods.size() > kMaxPeerMethods) {
    return CloseReason::refusal(
        {Code::kInvalidArgument, "a client offers at most " + std::to_string(kMaxPeerMethods) + " methods"});
  }
  if (negotiates_shm()) {
    judge_segment();
  } else if (ring_bytes_ != 0) {
    fall_back(theirs_->no_shm, "the peer does not offer shared memory");
  }
  return {};
}

void Handshake::judge_segment() {
  Result<shm::PeerSegment> segment = open_segment();
  verdict_.emplace();
  if (segment.ok()) {
    peer_segment_ = std::move(segment).value();
    verdict_->accepted = true;
  } else {
    fall_back(segment.error().code, segment.error().message);
    verdict_->code = fallback_.code;
    verdict_->reason = fallback_.message;
  }
  flush();
}

Result<shm::PeerSegment> Handshake::open_segment() {
  Fd memory = sharing_->take_received_fd();
  if (memory.valid()) {
    Result<shm::PeerSegment> segment = shm::open_segment(system_, memory.get());
    discard(std::move(memory));  // it may be anything
    return segment;
  }
  if (sharing_->lost_fd()) {
    return Error{Code::kResourceExhausted, "no descriptor is left to receive the peer's memory with"};
  }
  return Error{Code::kFailedPrecondition, "no descriptor arrived"};
}

// The segments are of no use any more. The first reason stands.
void Handshake::fall_back(Code code, const std::string& why) {
  own_ = {};
  peer_segment_.reset();
  if (fallback_.code != Code::kOk) return;
  fallback_ = {code == Code::kOk ? Code::kFailedPrecondition : code, why};
}

Progress Handshake::receive_verdict(ConstBytes body) {
  Result<Upgrade> upgrade = decode_upgrade(body);
  if (!upgrade.ok()) return CloseReason::peer_violation(upgrade.error().message);
  their_verdict_ = std::move(upgrade).value();
  if (!their_verdict_->accepted) fall_back(their_verdict_->code, their_verdict_->reason);
  return {};
}

void Handshake::flush() {
  if (verdict_ && !verdict_sent_) verdict_sent_ = send(channel_, FrameType::kUpgrade, encode_upgrade(*verdict_));
}

bool Handshake::finished() const {
  if (!theirs_) return false;
  return !negotiates_shm() || (verdict_sent_ && their_verdict_);
}

std::unique_ptr<Channel> Handshake::upgrade() { return sharing_->share(std::move(own_), std::move(*peer_segment_)); }

}  // namespace ipcbridge
