#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/rpc/session.hpp"

namespace ipcbridge {

// A message as a method of the session composes it: what stands before the table, where one is needed; the body, in
// parts; what is attached. Views.
struct Session::Outgoing {
  static constexpr std::size_t kMaxParts = 4;

  FrameType type = FrameType::kPad;
  std::uint64_t id = 0;
  std::uint8_t flags = 0;
  ConstBytes streams;
  std::array<ConstBytes, kMaxParts> body{};
  std::span<const Attachment> attachments;

  std::size_t body_size() const {
    std::size_t size = 0;
    for (const ConstBytes part : body) size += part.size();
    return size;
  }
  std::size_t size() const { return streams.size() + body_size() + total_bytes(attachments); }
};

// The same as it travels: one short frame where that is possible, with what is large in shared memory, and else
// fragments. What is in shared memory is lent to the peer when this is kept(); before that nothing has happened.
class Session::Packed {
 public:
  // The message lives as long.
  Packed(Session& session, const Outgoing& message);
  ~Packed();
  Packed(const Packed&) = delete;
  Packed& operator=(const Packed&) = delete;

  // resource_exhausted when the peer keeps too much of the shared memory. Throws std::bad_alloc.
  Status pack();

  // Whether it travels as it was given.
  bool is_plain() const { return encoded_.empty(); }
  bool is_long() const { return is_long_; }
  // The frame of one that is not long. False when the channel has no room.
  bool write();
  // For the outbox, with its flags.
  WaitingBytes bytes() const;
  std::uint8_t flags() const;
  void keep() { lent_.clear(); }

 private:
  Status share();
  Result<bool> share_attachments();
  bool share_body();
  // Nothing but a lack of memory keeps it from being lent.
  bool lend(const Attachment& part, PartPlace& place);
  void take_back();

  Session& session_;
  const Outgoing& message_;
  AttachmentTable table_;
  Buffer encoded_;  // the table; empty: none is needed
  std::vector<std::uint64_t> lent_;
  bool is_long_ = false;
};

}  // namespace ipcbridge
