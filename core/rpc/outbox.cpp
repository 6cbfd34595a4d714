#include "core/rpc/outbox.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace ipcbridge {
namespace {

// What a message costs besides its body, so that empty ones (PONG) cannot pile up uncounted.
constexpr std::uint64_t kOverhead = 64;

}  // namespace

Outbox::Outbox(FrameWriter& writer, std::uint64_t max_open_bytes, AccountShare& share,
               std::function<void(FrameType, std::uint64_t)> on_sent)
    : writer_(writer), max_open_bytes_(max_open_bytes), share_(share), on_sent_(std::move(on_sent)) {}

bool Outbox::can_begin(std::size_t size) const {
  if (size <= kMaxFrameBody) return true;
  return next_to_open() == long_.size() && (open_count_ == 0 || open_bytes_ + size <= max_open_bytes_);
}

void Outbox::push(FrameType type, std::uint64_t id, Buffer body, std::uint8_t flags) {
  const bool is_short = body.size() <= kMaxFrameBody && !has_long(id);
  std::deque<Message>& queue = is_short ? short_ : long_;
  queue.push_back(Message{type, id, std::move(body), flags});
  charge(queue.back());
  flush_round();
}

void Outbox::charge(const Message& message) {
  bytes_ += kOverhead + message.body.size();
  share_.charge(kOverhead + message.body.size());
}

void Outbox::refund(const Message& message) {
  bytes_ -= kOverhead + message.body.size();
  share_.refund(kOverhead + message.body.size());
}

bool Outbox::has_long(std::uint64_t id) const {
  return std::any_of(long_.begin(), long_.end(), [id](const Message& message) { return message.id == id; });
}

std::deque<Outbox::Message>::iterator Outbox::find_long(std::uint64_t id) {
  return std::find_if(long_.begin(), long_.end(), [id](const Message& message) { return message.id == id; });
}

Outbox::Dropped Outbox::take(std::uint64_t id, Buffer& body) {
  const auto found = find_long(id);
  if (found == long_.end()) return Dropped::kAllSent;
  const Dropped dropped = found->sent == 0 ? Dropped::kUnsent : Dropped::kPartlySent;
  body = close(found);
  return dropped;
}

Outbox::Dropped Outbox::drop(std::uint64_t id) {
  Buffer body;
  const Dropped dropped = take(id, body);
  while (take(id, body) != Dropped::kAllSent) {
  }
  return dropped;
}

Buffer Outbox::close(const std::deque<Message>::iterator& message) {
  refund(*message);
  if (message->open) {
    --open_count_;
    open_bytes_ -= message->body.size();
  }
  Buffer body = std::move(message->body);
  long_.erase(message);
  return body;
}

bool Outbox::flush_round() { return empty() || (flush_short() && flush_fragment()); }

bool Outbox::flush_short() {
  while (!short_.empty()) {
    const Message& message = short_.front();
    const FrameHeader header{static_cast<std::uint32_t>(message.body.size()), message.type, message.flags, 0,
                             message.id};
    const ConstBytes body(message.body);
    if (!writer_.write_frame(header, std::span(&body, 1))) return false;
    const auto [type, id] = std::pair(message.type, message.id);
    refund(message);
    short_.pop_front();
    on_sent_(type, id);
  }
  return true;
}

// The place of the oldest that need not wait for another of its id; as many as there are when all must.
std::size_t Outbox::next_to_open() const {
  const auto closed = long_.begin() + static_cast<std::ptrdiff_t>(open_count_);
  const auto next = std::find_if(closed, long_.end(), [&](const Message& message) {
    return std::none_of(long_.begin(), closed, [&](const Message& open) { return open.id == message.id; });
  });
  return static_cast<std::size_t>(next - long_.begin());
}

void Outbox::open_next() {
  const std::size_t at = next_to_open();
  if (at == long_.size()) return;
  if (open_count_ > 0 && open_bytes_ + long_[at].body.size() > max_open_bytes_) return;
  long_[at].open = true;
  open_bytes_ += long_[at].body.size();
  const auto next = long_.begin() + static_cast<std::ptrdiff_t>(at);
  std::rotate(long_.begin() + static_cast<std::ptrdiff_t>(open_count_), next, next + 1);
  ++open_count_;
}

bool Outbox::flush_fragment() {
  open_next();
  if (open_count_ == 0) return true;
  Message& message = long_.front();
  const std::size_t size = std::min(message.body.size() - message.sent, kMaxFrameBody);
  const bool last = message.sent + size == message.body.size();
  const auto flags = static_cast<std::uint8_t>(message.flags | (last ? 0 : kFlagMore));
  const FrameHeader header{static_cast<std::uint32_t>(size), message.type, flags, 0, message.id};
  const ConstBytes fragment = ConstBytes(message.body).subspan(message.sent, size);
  if (!writer_.write_frame(header, std::span(&fragment, 1))) return false;
  message.sent += size;
  if (last) {
    const auto [type, id] = std::pair(message.type, message.id);
    close(long_.begin());
    on_sent_(type, id);
  } else {
    std::rotate(long_.begin(), long_.begin() + 1, long_.begin() + static_cast<std::ptrdiff_t>(open_count_));
  }
  return true;
}

}  // namespace ipcbridge
