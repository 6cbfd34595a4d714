#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "core/base/result.hpp"

namespace ipcbridge {

// What is said of a handshake that does not come to its end.
inline constexpr const char* kSilent =
    "whoever listens there does not answer: a service that is stopped or busy, or another program";

// Why a connection is over. Who notices says what has happened; the code and the sentence that callers and consumers
// are told of it are made here.
class CloseReason {
 public:
  enum class Kind : std::uint8_t {
    kPeerGone,        // the peer has hung up, or its process has ended
    kPeerSilent,      // it did not finish the handshake in time
    kPeerViolation,   // it broke the protocol
    kPeerForeign,     // it is another program, which speaks another protocol
    kPeerRefusal,     // it will not have this connection, and has said why
    kRefusal,         // this side will not have it: the peer is told why
    kOutOfResources,  // this side lacks memory or descriptors for it
    kGoodbye,         // the service has said that it closes, and its last answer is here
    kOwner,           // the client or server that it belongs to has ended
  };

  static CloseReason peer_gone();
  static CloseReason peer_silent();
  // What it did: "a frame over the limit".
  static CloseReason peer_violation(const std::string& what);
  // Trying again finds the same program there.
  static CloseReason peer_foreign(const std::string& address);
  static CloseReason peer_refusal(Error by_its_word) { return {Kind::kPeerRefusal, std::move(by_its_word)}; }
  static CloseReason refusal(Error why) { return {Kind::kRefusal, std::move(why)}; }
  static CloseReason out_of_resources(std::string what);
  // Needs no memory itself.
  static CloseReason out_of_memory() { return out_of_resources(kOutOfMemory); }
  static CloseReason goodbye();
  static CloseReason owner(Error why) { return {Kind::kOwner, std::move(why)}; }

  Kind kind() const { return kind_; }
  const Error& error() const { return error_; }
  Code code() const { return error_.code; }
  const std::string& message() const { return error_.message; }

 private:
  CloseReason(Kind kind, Error error) : kind_(kind), error_(std::move(error)) {}

  Kind kind_;
  Error error_;
};

// Whether a connection goes on; where it does not, why.
class [[nodiscard]] Progress {
 public:
  Progress() = default;
  Progress(CloseReason why) : why_(std::move(why)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !why_; }
  const CloseReason& why() const { return *why_; }

 private:
  std::optional<CloseReason> why_;
};

}  // namespace ipcbridge
