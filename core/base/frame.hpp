#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.hpp"

namespace ipcbridge {

// docs/protocol.md, "Frames".
enum class FrameType : std::uint8_t {
  kPad = 0,  // shared memory only: skips to the end of the ring
  kHello = 1,
  kRequest = 2,
  kReply = 3,
  kError = 4,
  kNotify = 5,
  kCancel = 6,
  kStreamItem = 7,
  kStreamEnd = 8,
  kCredit = 9,
  kRelease = 10,
  kPing = 11,
  kPong = 12,
  kGoaway = 13,
  kPublish = 14,
  kAck = 15,
  kUpgrade = 16,
  kSegment = 17,      // shared memory only: the next descriptor on the socket is this segment of the sender's
  kDropSegment = 18,  // shared memory only: nothing will lie in it any more
  kFree = 19,         // what has come in shared memory is needed no more
  kLostSegment = 20,  // shared memory only: the descriptor of this segment of the receiver's was lost on the way
};

inline constexpr std::uint8_t kFlagIgnorable = 0x01;   // a receiver that does not know the type skips it
inline constexpr std::uint8_t kFlagMore = 0x02;        // another fragment of the same message follows
inline constexpr std::uint8_t kFlagStreams = 0x04;     // the message begins with the streams that it carries
inline constexpr std::uint8_t kFlagReference = 0x08;   // calls a reference, whose id the payload begins with
inline constexpr std::uint8_t kFlagReferences = 0x10;  // the result names references, behind whose ids it stands
inline constexpr std::uint8_t kFlagAttached = 0x20;    // a table of the message's sizes stands before it

struct FrameHeader {
  std::uint32_t length = 0;  // bytes of the body, which follows
  FrameType type = FrameType::kPad;
  std::uint8_t flags = 0;
  std::uint16_t zero = 0;
  std::uint64_t call_id = 0;
};
static_assert(sizeof(FrameHeader) == 16);

// Whether nothing is set that no version has given a meaning yet.
constexpr bool is_well_formed(const FrameHeader& header) {
  const bool is_call = header.type == FrameType::kRequest || header.type == FrameType::kNotify;
  const bool is_result = header.type == FrameType::kReply;
  const bool may_carry_streams = header.type == FrameType::kRequest || is_result;
  const bool is_message = is_call || is_result || header.type == FrameType::kError ||
                          header.type == FrameType::kStreamItem || header.type == FrameType::kStreamEnd;
  const int known = kFlagIgnorable | kFlagMore | (may_carry_streams ? kFlagStreams : 0) |
                    (is_call ? kFlagReference : 0) | (is_result ? kFlagReferences : 0) |
                    (is_message ? kFlagAttached : 0);
  return header.zero == 0 && (header.flags & ~known) == 0;
}

// What is longer travels as fragments, or in shared memory.
inline constexpr std::size_t kMaxFrameBody = 16 * 1024 - sizeof(FrameHeader);

// A fragment on a socket may have more, because each is read by a call of its own, straight to where it belongs.
inline constexpr std::size_t kMaxSocketFrameBody = 64 * 1024;

// HELLO alone may be longer: it names every method.
inline constexpr std::size_t kMaxHelloBody = 1024 * 1024;

}  // namespace ipcbridge
