#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/rpc/hello.hpp"

namespace ipcbridge {

// The streams of a connection. docs/protocol.md, "Streams".

// The streams that a message carries: they have consecutive ids.
struct StreamRange {
  std::uint64_t first = 0;
  std::uint32_t count = 0;

  std::uint64_t end() const { return first + count; }
};

inline constexpr std::size_t kStreamRangeBytes = 16;
std::array<std::byte, kStreamRangeBytes> encode_stream_range(const StreamRange& range);
// What such a message begins with; `body` is what follows then.
Result<StreamRange> decode_stream_range(ConstBytes& body);

// The values of a STREAM_ITEM: how many, and each with its size before it.
inline constexpr std::size_t kItemsPrefixBytes = 4;
// Their number. data_loss when they are not what they say.
Result<std::uint32_t> check_items(ConstBytes body);

// Counted from a stream's beginning: items, and the bytes of the messages that carried them.
struct StreamTotals {
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;
  bool operator==(const StreamTotals&) const = default;
};

// What may be sent of a stream: some items, of which the last may exceed the bytes. Nothing while either is zero.
struct StreamRoom {
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;

  bool empty() const { return items == 0 || bytes == 0; }
};

// The window that a consumer opens: how far what was sent may be ahead of what it has taken. Both sides keep these
// books, the sender of what it may send and the receiver of what it has granted.
class StreamCredit {
 public:
  StreamCredit() = default;
  explicit StreamCredit(const Limits& of_receiver)
      : granted_{of_receiver.stream_window_items, of_receiver.stream_window_bytes} {}

  StreamRoom room() const {
    return {granted_.items - std::min(granted_.items, sent_.items),
            granted_.bytes - std::min(granted_.bytes, sent_.bytes)};
  }
  const StreamTotals& granted() const { return granted_; }
  const StreamTotals& sent() const { return sent_; }

  // False, and nothing has changed, when there is no credit for it.
  bool send(std::uint64_t items, std::uint64_t bytes) {
    const StreamRoom left = room();
    if (left.empty() || items > left.items) return false;
    sent_.items += items;
    sent_.bytes += bytes;
    return true;
  }

  // Credit never goes back; an older grant that comes late is no news.
  void grant(const StreamTotals& totals) {
    granted_.items = std::max(granted_.items, totals.items);
    granted_.bytes = std::max(granted_.bytes, totals.bytes);
  }

 private:
  StreamTotals granted_;
  StreamTotals sent_;
};

// The streams of a connection that are open, of either side, and what they wait for.
struct StreamActivity {
  std::uint64_t open = 0;
  std::uint64_t stalled = 0;         // of this side: nothing may be sent until the peer has read
  TimePoint stalled_since = kNever;  // by those that have been told of; the first
  std::uint64_t awaited = 0;         // of the peer's: what has come has been taken
};

// What of a stream its consumer has taken, and what it grants for that.
class StreamWindow {
 public:
  StreamWindow() = default;
  explicit StreamWindow(const Limits& ours)
      : window_{ours.stream_window_items, ours.stream_window_bytes}, credit_(ours) {}

  // A message of items has arrived, of whose bytes some are in memory of the sender's. False when it was not granted.
  bool receive(std::uint64_t items, std::uint64_t bytes, std::uint64_t shared) {
    if (!credit_.send(items, bytes)) return false;
    ahead_ = shared > window_.bytes / 2 ? std::min(kMessagesAhead * shared, kMaxAhead) : 0;
    return true;
  }

  // The consumer has taken some. The grant to be told, when it is worth a message: when half of the window is used up,
  // so that a sender that keeps up never waits.
  std::optional<StreamTotals> consume(std::uint64_t items, std::uint64_t bytes) {
    consumed_.items = std::min(consumed_.items + items, credit_.sent().items);
    consumed_.bytes = std::min(consumed_.bytes + bytes, credit_.sent().bytes);
    const StreamRoom room = credit_.room();
    const std::uint64_t bytes_ahead = window_.bytes + ahead_;
    if (room.items > window_.items / 2 && room.bytes > bytes_ahead / 2) return std::nullopt;
    const StreamTotals grant{consumed_.items + window_.items, consumed_.bytes + bytes_ahead};
    const StreamTotals& granted = credit_.granted();
    if (grant.items <= granted.items && grant.bytes <= granted.bytes) return std::nullopt;
    credit_.grant(grant);
    return grant;
  }

  bool all_consumed() const { return consumed_ == credit_.sent(); }

 private:
  // Where one message of a large array fills the window, the next would be asked for when nobody looks at the last any
  // more. What takes no memory of the consumer's may be further ahead.
  static constexpr std::uint64_t kMessagesAhead = 2;
  static constexpr std::uint64_t kMaxAhead = 64ULL * 1024 * 1024;

  StreamTotals window_;
  std::uint64_t ahead_ = 0;
  StreamTotals consumed_;
  StreamCredit credit_;
};

}  // namespace ipcbridge
