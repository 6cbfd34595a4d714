#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace ipcbridge {

// What one side accepts from the other on one connection; it says so in its HELLO.
struct Limits {
  std::uint64_t max_message_bytes = 256ULL * 1024 * 1024;
  std::uint64_t max_pending_bytes = 64ULL * 1024 * 1024;  // of all requests that are not answered yet
  std::uint32_t max_pending_calls = 1024;
  std::uint32_t max_streams = 1024;  // of the peer's that are open at a time
  // What may be on its way in one stream beyond what its consumer has taken; the last message may exceed the bytes.
  std::uint32_t stream_window_items = 8192;
  std::uint64_t stream_window_bytes = 256ULL * 1024;
};

namespace feature {
inline constexpr std::uint64_t kShm = 1U << 0U;             // the sender's segment comes with this HELLO
inline constexpr std::uint64_t kReplace = 1U << 1U;         // the sender wants to serve this name instead
inline constexpr std::uint64_t kLargeMessages = 1U << 2U;   // tables of attachments are understood
inline constexpr std::uint64_t kRequired = kLargeMessages;  // what this version understands as required
}  // namespace feature

inline constexpr std::uint16_t kProtocolMajor = 1;
inline constexpr std::uint16_t kProtocolMinor = 0;
inline constexpr std::size_t kMaxMethods = 65536;
inline constexpr std::size_t kMaxNameBytes = 64;
inline constexpr std::size_t kMaxMethodBytes = 255;
inline constexpr std::size_t kMaxPeerMethods = 1024;            // of a connector
inline constexpr const char* kDescribeMethod = "__describe__";  // the hidden one that every service has

// What a process is written in, as far as its peers are told.
enum class Language : std::uint8_t { kUnknown, kCpp, kJavaScript, kPython };
std::string_view language_name(Language language);

// The first frame of each side. docs/protocol.md, "HELLO".
struct Hello {
  std::uint16_t major = kProtocolMajor;
  std::uint16_t minor = kProtocolMinor;
  std::uint64_t required_features = feature::kRequired;
  std::uint64_t optional_features = 0;
  Limits limits;
  std::array<std::byte, 16> nonce{};  // of the endpoint that sent it; reserved, nobody reads it yet
  Code no_shm = Code::kOk;            // why it offers no shared memory although it would
  std::string service;
  std::vector<std::string> methods;  // the index in this list is a method's number
  Language language = Language::kUnknown;
  std::string name;  // of the sender's own choice, for the peer's logs; may be empty
};

Buffer encode_hello(const Hello& hello);

// data_loss when the bytes are no HELLO.
Result<Hello> decode_hello(ConstBytes body);

// Whether this side can talk to one that sent `theirs`; failed_precondition, naming both versions.
Status check_compatible(const Hello& theirs);

// UPGRADE: the verdict on the segment that came with the peer's HELLO.
struct Upgrade {
  bool accepted = false;
  Code code = Code::kOk;  // why not
  std::string reason;
};

Buffer encode_upgrade(const Upgrade& upgrade);
Result<Upgrade> decode_upgrade(ConstBytes body);

}  // namespace ipcbridge
