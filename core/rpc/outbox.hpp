#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>

#include "core/base/blob.hpp"
#include "core/base/bytes.hpp"
#include "core/base/frame.hpp"
#include "core/rpc/account.hpp"

namespace ipcbridge {

// Where a Session puts its frames: false when there is no room now.
class FrameWriter {
 public:
  FrameWriter() = default;
  virtual ~FrameWriter() = default;
  FrameWriter(const FrameWriter&) = delete;
  FrameWriter& operator=(const FrameWriter&) = delete;
  virtual bool write_frame(const FrameHeader& header, std::span<const ConstBytes> parts) = 0;
  // The body of the longest fragment that it takes.
  virtual std::size_t max_fragment() const { return kMaxFrameBody; }
};

// The bytes of a message that waits: its frames' contents from the first on, then those of what is attached to it.
struct WaitingBytes {
  Buffer body;
  Attachments attachments;

  std::size_t size() const { return body.size() + total_bytes(attachments); }
};

// Messages that could not be written at once. Short ones go first and in order; long ones travel as
// fragments, one fragment of each in turn, so that a long message delays a short one by a fragment at most.
// Messages of one id keep their order, whatever their sizes: behind a long one of its id a short one waits, too.
class Outbox {
 public:
  // The sum of the long messages that have been begun and not ended stays within `max_open_bytes`, the
  // receiver's max_message_bytes, because the receiver must hold them all. What waits is charged to `share`.
  Outbox(FrameWriter& writer, std::uint64_t max_open_bytes, AccountShare& share,
         std::function<void(FrameType, std::uint64_t)> on_sent);

  // Asked with every message, so of one word: each message that waits counts for some bytes.
  bool empty() const { return bytes_ == 0; }
  bool has_short() const { return !empty() && !short_.empty(); }
  // Whether a short message of this id must wait for others, and be pushed.
  bool holds_back(std::uint64_t id) const { return !empty() && (!short_.empty() || has_long(id)); }
  std::uint64_t bytes() const { return bytes_; }

  // Whether a message of this size can be begun now, without waiting for another to end.
  bool can_begin(std::size_t size) const;

  // Takes one whole message and sends what there is room for. on_sent(type, id) follows when its last byte is out.
  // `flags`: of each of its frames. What has attachments, or is longer than a frame, begins with its table.
  void push(FrameType type, std::uint64_t id, WaitingBytes bytes, std::uint8_t flags = 0);

  // Gives up what is left of the messages of an id, and says how much of the first has gone out already.
  enum class Dropped : std::uint8_t { kAllSent, kPartlySent, kUnsent };
  Dropped drop(std::uint64_t id);

  // Moves out the first message of an id whose last fragment has not been sent; kAllSent when there is none.
  Dropped take(std::uint64_t id, WaitingBytes& bytes);

  // Sends all short messages and then one fragment. False when the writer has no more room.
  bool flush_round();

 private:
  struct Message {
    FrameType type = FrameType::kPad;
    std::uint64_t id = 0;
    WaitingBytes bytes;
    std::uint8_t flags = 0;
    std::size_t size = 0;
    std::size_t part = 0;  // the one to send of next: the body, then the attachments
    std::size_t sent = 0;  // of that
    std::size_t left = 0;  // of all of it
    bool open = false;

    ConstBytes unsent_part() const;
  };

  bool flush_short();
  bool flush_fragment();
  static void advance(Message& message, std::size_t size);
  void open_next();
  bool has_long(std::uint64_t id) const;
  std::deque<Message>::iterator find_long(std::uint64_t id);
  std::size_t next_to_open() const;
  WaitingBytes close(const std::deque<Message>::iterator& message);

  void charge(const Message& message);
  void refund(const Message& message);

  FrameWriter& writer_;
  std::uint64_t max_open_bytes_;
  std::size_t open_count_ = 0;
  std::uint64_t open_bytes_ = 0;
  std::uint64_t bytes_ = 0;
  std::deque<Message> short_;
  // Those that travel as fragments, and those that wait behind one of their id. Open ones first, the next to send a
  // fragment of in front; of each id at most one is open, the oldest.
  std::deque<Message> long_;
  AccountShare& share_;
  std::function<void(FrameType, std::uint64_t)> on_sent_;
};

}  // namespace ipcbridge
