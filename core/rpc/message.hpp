#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/blob.hpp"
#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/rpc/stream.hpp"

namespace ipcbridge {

// The bodies of the messages. docs/protocol.md, "Messages".

// A REQUEST or NOTIFY as its caller gives it. Payload and metadata are opaque here.
struct Request {
  std::uint32_t method = 0;      // index in the callee's HELLO; of a reference, which the consumer knows
  bool notify = false;           // no answer is wanted
  std::uint64_t timeout_us = 0;  // until the caller's deadline; 0: no limit
  StreamRange streams;           // that it carries; who sends it gives their number
  ConstBytes metadata;
  ConstBytes payload;
  std::span<const Attachment> attachments;  // of the payload
  bool to_reference = false;  // it calls what the payload begins with: the id of one of the callee's References
  // Of the reference: the call of the callee's with which it was passed, by its token, while that waits for its answer.
  std::optional<std::uint64_t> passed_with;
  std::span<const std::uint64_t> references;  // of the sender's, that the payload tells of
};

inline constexpr std::size_t kRequestPrefixBytes = 16;
using RequestPrefix = std::array<std::byte, kRequestPrefixBytes>;

RequestPrefix encode_request_prefix(const Request& request);
// The views point into the body.
Result<Request> decode_request(ConstBytes body);
// Makes the views point into `storage`: that of the message is moved there where there is one, else the bytes are
// copied. May throw std::bad_alloc; nothing has changed then.
void keep_bytes(Request& request, MessageStorage& storage, MessageStorage* of_message);

// What a result with kFlagReferences begins with: how many of the callee's references it names, and their ids.
Buffer encode_reference_list(std::span<const std::uint64_t> ids);
// The ids; `body` is what follows then.
Result<ConstBytes> decode_reference_list(ConstBytes& body);

// Who says how a call ended, which decides the type of its error in every language.
enum class Ending : std::uint8_t {
  kResult = 0,
  kRemoteError = 1,  // the callee, which had begun it: a RemoteError
  kNotRun = 2,       // this side, or a callee that has not begun it and never will
  kMaybeRun = 3,     // this side, after the callee may have begun it
};

// How a call ended.
struct Outcome {
  Code code = Code::kOk;
  bool not_started = false;  // the callee says that it has not begun this call and never will
  bool sent_maybe = false;   // the connection was lost: the callee may or may not have run the call
  bool remote = false;       // the answer came from the callee, not from this side
  std::string_view message;  // of an error
  ConstBytes payload;        // of a result; of an error the language's details
  StreamRange streams;       // that a result carries
  // The payload's attachments are in the storage that comes with it.

  Ending ending() const {
    if (code == Code::kOk) return Ending::kResult;
    if (remote && !not_started) return Ending::kRemoteError;
    return sent_maybe ? Ending::kMaybeRun : Ending::kNotRun;
  }
};

inline constexpr std::uint8_t kErrorNotStarted = 0x01;

inline constexpr std::size_t kErrorPrefixBytes = 8;
// Into kErrorPrefixBytes and as many as the message has.
void encode_error(Code code, bool not_started, std::string_view message, MutableBytes body);
Buffer encode_error_prefix(Code code, bool not_started, std::string_view message);
// The views point into the body.
Result<Outcome> decode_error(ConstBytes body);

}  // namespace ipcbridge
