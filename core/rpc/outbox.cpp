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

void Outbox::push(FrameType type, std::uint64_t id, WaitingBytes bytes, std::uint8_t flags) {
  const std::size_t size = bytes.size();
  const bool is_short = size <= kMaxFrameBody && bytes.attachments.empty() && !has_long(id);
  std::deque<Message>& queue = is_short ? short_ : long_;
  queue.push_back(Message{type, id, std::move(bytes), flags, size, 0, 0, size, false});
  charge(queue.back());
  flush_round();
}

void Outbox::charge(const Message& message) {
  bytes_ += kOverhead + message.size;
  share_.charge(kOverhead + message.size);
}

void Outbox::refund(const Message& message) {
  bytes_ -= kOverhead + message.size;
  share_.refund(kOverhead + message.size);
}

bool Outbox::has_long(std::uint64_t id) const {
  return std::any_of(long_.begin(), long_.end(), [id](const Message& message) { return message.id == id; });
}

std::deque<Outbox::Message>::iterator Outbox::find_long(std::uint64_t id) {
  return std::find_if(long_.begin(), long_.end(), [id](const Message& message) { return message.id == id; });
}

Outbox::Dropped Outbox::take(std::uint64_t id, WaitingBytes& bytes) {
  const auto found = find_long(id);
  if (found == long_.end()) return Dropped::kAllSent;
  const Dropped dropped = found->left == found->size ? Dropped::kUnsent : Dropped::kPartlySent;
  bytes = close(found);
  return dropped;
}

Outbox::Dropped Outbox::drop(std::uint64_t id) {
  WaitingBytes bytes;
  const Dropped dropped = take(id, bytes);
  while (take(id, bytes) != Dropped::kAllSent) {
  }
  return dropped;
}

WaitingBytes Outbox::close(const std::deque<Message>::iterator& message) {
  refund(*message);
  if (message->open) {
    --open_count_;
    open_bytes_ -= message->size;
  }
  WaitingBytes bytes = std::move(message->bytes);
  long_.erase(message);
  return bytes;
}

bool Outbox::flush_round() { return empty() || (flush_short() && flush_fragment()); }

bool Outbox::flush_short() {
  while (!short_.empty()) {
    const Message& message = short_.front();
    const FrameHeader header{static_cast<std::uint32_t>(message.size), message.type, message.flags, 0, message.id};
    const ConstBytes body(message.bytes.body);
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
  if (open_count_ > 0 && open_bytes_ + long_[at].size > max_open_bytes_) return;
  long_[at].open = true;
  open_bytes_ += long_[at].size;
  const auto next = long_.begin() + static_cast<std::ptrdiff_t>(at);
  std::rotate(long_.begin() + static_cast<std::ptrdiff_t>(open_count_), next, next + 1);
  ++open_count_;
}

ConstBytes Outbox::Message::unsent_part() const {
  const ConstBytes whole = part == 0 ? ConstBytes(bytes.body) : ConstBytes(bytes.attachments[part - 1].bytes);
  return whole.subspan(sent);
}

// A fragment never has bytes of two parts, so that whoever receives it can read it straight to where it belongs.
void Outbox::advance(Message& message, std::size_t size) {
  message.sent += size;
  message.left -= size;
  while (message.left > 0 && message.unsent_part().empty()) {
    ++message.part;
    message.sent = 0;
  }
}

bool Outbox::flush_fragment() {
  open_next();
  if (open_count_ == 0) return true;
  Message& message = long_.front();
  const ConstBytes part = message.unsent_part();
  const ConstBytes fragment = part.first(std::min(part.size(), writer_.max_fragment()));
  const bool last = fragment.size() == message.left;
  const auto flags = static_cast<std::uint8_t>(message.flags | (last ? 0 : kFlagMore));
  const FrameHeader header{static_cast<std::uint32_t>(fragment.size()), message.type, flags, 0, message.id};
  if (!writer_.write_frame(header, std::span(&fragment, 1))) return false;
  if (last) {
    const auto [type, id] = std::pair(message.type, message.id);
    close(long_.begin());
    on_sent_(type, id);
  } else {
    advance(message, fragment.size());
    std::rotate(long_.begin(), long_.begin() + 1, long_.begin() + static_cast<std::ptrdiff_t>(open_count_));
  }
  return true;
}

}  // namespace ipcbridge
