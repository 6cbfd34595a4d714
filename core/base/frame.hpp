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
};

inline constexpr std::uint8_t kFlagIgnorable = 0x01;   // a receiver that does not know the type skips it
inline constexpr std::uint8_t kFlagMore = 0x02;        // another fragment of the same message follows
inline constexpr std::uint8_t kFlagStreams = 0x04;     // the message begins with the streams that it carries
inline constexpr std::uint8_t kFlagReference = 0x08;   // calls a reference, whose id the payload begins with
inline constexpr std::uint8_t kFlagReferences = 0x10;  // the result names references, behind whose ids it stands

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
  const int known = kFlagIgnorable | kFlagMore | (may_carry_streams ? kFlagStreams : 0) |
                    (is_call ? kFlagReference : 0) | (is_result ? kFlagReferences : 0);
  return header.zero == 0 && (header.flags & ~known) == 0;
}

// No frame's body is larger, whatever the channel; longer messages travel as fragments.
inline constexpr std::size_t kMaxFrameBody = 16 * 1024 - sizeof(FrameHeader);

// HELLO alone may be longer: it names every method.
inline constexpr std::size_t kMaxHelloBody = 1024 * 1024;

}  // namespace ipcbridge
