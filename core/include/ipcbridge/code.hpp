#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ipcbridge {

// The closed list of error codes: the gRPC status codes with their numbers, which are also the numbers on
// the wire. https://grpc.io/docs/guides/status-codes/
enum class Code : std::uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

inline constexpr std::uint8_t kCodeCount = 17;

// The name that C++, JavaScript and Python share, such as "deadline_exceeded".
std::string_view code_name(Code code);

// Unknown names and numbers give nullopt.
std::optional<Code> code_from_name(std::string_view name);
std::optional<Code> code_from_number(std::uint8_t number);

}  // namespace ipcbridge
