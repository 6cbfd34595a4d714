#include "core/endpoint/connection.hpp"

#include <new>
#include <span>
#include <utility>

#include "core/base/recycled_blob.hpp"
#include "core/endpoint/context.hpp"
#include "core/rpc/message.hpp"

namespace ipcbridge {
namespace {

// Of fragments, in one go: a peer that reads as fast as this side writes must not keep it from the others.
constexpr int kMaxRounds = 16;

}  // namespace

Connection::Connection(Context& context, std::uint64_t id, std::unique_ptr<Channel> channel, Session::Side side,
                       ConnectionOwner& owner, const ConnectionSetup& setup)
    : side_(side),
      context_(context),
      id_(id),
      channel_(std::move(channel)),
      owner_(owner),
      limits_(setup.hello.limits),
      account_(setup.account),
      handshake_memory_(setup.handshake_accounts),
      handshake_(context.system(), side, setup.hello, setup.ring_bytes, *channel_) {}

void Connection::start() {
  handshake_until_ = deadline_after(context_.now(), context_.options().handshake_timeout);
  context_.set_timer({handshake_until_, TimerQueue::Kind::kHandshake, id_, 0});
  if (const Progress progress = say_hello(); !progress.ok()) {
    close(progress.why());
    return;
  }
  flush_output();
  count_handshake();
}

Progress Connection::say_hello() {
  try {
    return handshake_.start();
  } catch (const std::bad_alloc&) {
    return CloseReason::out_of_memory();
  }
}

void Connection::end_handshake_by(TimePoint until) {
  if (until >= handshake_until_) return;
  handshake_until_ = until;
  context_.set_timer({until, TimerQueue::Kind::kHandshake, id_, 0});
}

void Connection::check_handshake(TimePoint now) {
  if (!is_open() && handshake_until_ <= now) close(CloseReason::peer_silent());
}

void Connection::service() {
  if (closed_) return;
  used = true;
  if (const Progress progress = read(); !progress.ok()) {
    close(progress.why());
    return;
  }
  if (closed_) return;
  if (is_open()) {
    write_waiting();
    return;
  }
  try {
    advance_handshake();
  } catch (const std::bad_alloc&) {
    close(CloseReason::out_of_memory());
  }
  if (!closed_) write_waiting();
  if (!closed_) count_handshake();
}

void Connection::count_handshake() {
  if (handshake_memory_.hold(is_open() ? 0 : channel_->compact())) return;
  close(CloseReason::refusal({Code::kResourceExhausted, "too many large handshakes with this service are unfinished"}));
}

Progress Connection::read() {
  try {
    return channel_->read(*this, ReadBudget{}, std::exchange(descriptor_reported_, false));
  } catch (const std::bad_alloc&) {
    return {};  // the channel found no memory to read into: what came is still there for the next run
  }
}

void Connection::advance_handshake() {
  handshake_.flush();
  if (!handshake_.finished()) return;
  if (Status status = owner_.judge(*this, *handshake_.theirs()); !status.ok()) {
    close(CloseReason::refusal(status.error()));
    return;
  }
  if (handshake_.upgraded()) {
    // The socket stays the same, and so does its place in the poller.
    channel_ = handshake_.upgrade();
    // Awake as made, it is not rung for: somebody has to look at it, though the handshake may have long been asleep.
    context_.schedule(*this);
  }
  use_blob_memory();
  session_.emplace(id_, side_, limits_, handshake_.theirs()->limits, static_cast<FrameWriter&>(*this),
                   static_cast<SessionEvents&>(owner_), account_, channel_->blob_memory());
  offered_ = MethodIndex(peer_hello().methods);
  owner_.on_open(*this);
}

void Connection::use_blob_memory() {
  BlobMemory* memory = channel_->blob_memory();
  if (memory == nullptr) return;
  memory->receive_as({context_.blob_returns(), id_, context_.options().copy_on_write});
}

void Connection::trim_blob_memory(TimePoint now) {
  BlobMemory* memory = closed_ ? nullptr : channel_->blob_memory();
  try {
    trims_ = trim_recycled(now - kIdleMemory);
    trims_ = (memory != nullptr && memory->trim(now - kIdleMemory)) || trims_;
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): the next time
  }
  if (trims_) context_.set_timer({now + kIdleMemory, TimerQueue::Kind::kBlobMemory, id_, 0});
  if (!closed_) update_interest();
}

void Connection::write_waiting() {
  if (channel_->wants_writable()) channel_->on_writable();
  output_left_ = false;
  for (int round = 1; is_open() && !closed_ && session_->flush_round(); ++round) {
    owner_.on_room(*this);
    if (closed_ || !session_->has_output()) break;
    output_left_ = round >= kMaxRounds;
    if (output_left_) break;
  }
  if (!closed_) update_interest();
}

void Connection::flush_output() {
  // The fragments of a long message: nobody is told of room that was there all along.
  for (int round = 1; is_open() && session_->has_output() && session_->flush_round(); ++round) {
    if (round < kMaxRounds) continue;
    output_left_ = true;
    context_.schedule(*this);
    break;
  }
  if (channel_->is_over()) context_.schedule(*this);
  update_interest();
}

// After every read and write.
void Connection::update_interest() {
  context_.awake().note(*this);
  const bool wanted = channel_->wants_writable();
  if (wanted == polls_writable_) return;
  polls_writable_ = wanted;
  const std::uint32_t writable = wanted ? Poller::kWritable : 0U;
  context_.poller().modify(channel_->fd(), id_, Poller::kReadable | Poller::kHangUp | writable);
}

void Connection::tell_refusal(const Error& why) {
  try {
    const Buffer body = encode_error_prefix(why.code, true, why.message);
    const FrameHeader header{static_cast<std::uint32_t>(body.size()), FrameType::kError, 0, 0, 0};
    const ConstBytes view(body);
    channel_->write(header, std::span(&view, 1));
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): the peer sees that the connection ends
  }
}

void Connection::stop_trimming() noexcept {
  if (!std::exchange(trims_, false)) return;
  try {
    stop_recycling();
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): a forked child, which has kept nothing
  }
}

void Connection::close(const CloseReason& why) {
  if (std::exchange(closed_, true)) return;
  stop_trimming();
  if (why.kind() == CloseReason::Kind::kRefusal) tell_refusal(why.error());
  context_.poller().remove(channel_->fd());
  if (session_) session_->fail(why);
  handshake_memory_.close();
  owner_.on_closed(*this, why);
  context_.discard(*this);
}

bool Connection::expects_frames() const {
  // A client expects answers to what it asked; a server that was asked a moment ago may be asked again.
  return side_ == Session::Side::kAcceptor || !is_open() || session_->expects_frames();
}

std::optional<PeerActivity> Connection::peer_activity() const {
  const TimePoint now = context_.now();
  const std::optional<shm::Activity> activity = channel_->peer_activity(now);
  if (!activity || !is_open()) return std::nullopt;
  const std::vector<std::string>& methods = peer_hello().methods;
  if (activity->method >= methods.size()) return std::nullopt;
  return PeerActivity{methods[activity->method], now - activity->since};
}

Progress Connection::on_frame(const FrameHeader& header, ConstBytes body) {
  if (is_open()) {
    const bool is_large = header.type == FrameType::kFree || (header.flags & kFlagAttached) != 0;
    if (is_large && !trims_) {
      trims_ = true;
      context_.set_timer({context_.now() + kIdleMemory, TimerQueue::Kind::kBlobMemory, id_, 0});
    }
    return session_->receive(header, body);
  }
  try {
    return handshake_.on_frame(header, body);
  } catch (const std::bad_alloc&) {
    return CloseReason::out_of_memory();
  }
}

bool Connection::wants_frame() {
  if (closed_) return false;
  return is_open() ? context_.may_emit() : handshake_.wants_frame();
}

bool Connection::admits(FrameType type, std::uint8_t flags) {
  return handshake_.finished() || Handshake::admits(type, flags);
}

MutableBytes Connection::place_of(const FrameHeader& header) {
  return is_open() ? session_->place_of(header) : MutableBytes();
}

bool Connection::write_frame(const FrameHeader& header, std::span<const ConstBytes> parts) {
  return channel_->write(header, parts);
}

}  // namespace ipcbridge
