#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <ipcbridge/code.hpp>

namespace ipcbridge {

// Values are MessagePack as docs/values.md defines it. The library neither encodes nor decodes them: bring
// the codec that you like, such as nlohmann::json::to_msgpack.
using Bytes = std::vector<std::byte>;
using BytesView = std::span<const std::byte>;

// What became of a call that was lost with its connection.
enum class Sent : std::uint8_t {
  kNo,     // the service has surely not run it
  kMaybe,  // the service may or may not have run it
};

// A call, connection or service failed. The only type of exception that this library throws, apart from
// std::bad_alloc and std::system_error (no more threads).
//
// Thrown by a handler, it reaches the caller as a RemoteError (in Python and Node: theirs) with the same
// code, message and details.
class IpcError : public std::runtime_error {
 public:
  // `details` is one encoded value, or empty.
  IpcError(Code code, const std::string& message, Bytes details = {});
  ~IpcError() override;
  IpcError(const IpcError&) = default;
  IpcError& operator=(const IpcError&) = default;

  Code code() const { return code_; }

  // Of `unavailable` errors of a call, raised on this side; nullopt of all others.
  std::optional<Sent> sent() const { return sent_; }

  // The value that the handler's error carried, encoded; empty when there is none.
  const Bytes& details() const { return details_; }

 protected:
  IpcError(Code code, const std::string& message, Bytes details, std::optional<Sent> sent);

 private:
  friend class ErrorFactory;

  Code code_;
  std::optional<Sent> sent_;
  Bytes details_;
};

// The service answered the call with an error: its handler failed, and the call is over.
class RemoteError : public IpcError {
 public:
  RemoteError(Code code, const std::string& message, Bytes details, std::string type, std::string stack);
  ~RemoteError() override;
  RemoteError(const RemoteError&) = default;
  RemoteError& operator=(const RemoteError&) = default;

  // The name of the exception's class there, such as "ValueError"; empty when the service did not say.
  const std::string& type() const { return type_; }

  // Its stack there, as text; empty when the service did not send it.
  const std::string& stack() const { return stack_; }

 private:
  std::string type_;
  std::string stack_;
};

}  // namespace ipcbridge
