#pragma once

#include <exception>
#include <string>

#include <ipcbridge/error.hpp>

#include "core/base/result.hpp"
#include "core/rpc/message.hpp"

namespace ipcbridge {

// Where Results and Outcomes become exceptions, and exceptions become replies.

[[noreturn]] void raise(const Error& error);
// A call that failed.
[[noreturn]] void raise(const Outcome& outcome);

template <typename T>
T unwrap(Result<T> result) {
  if (!result.ok()) raise(result.error());
  return std::move(result).value();
}

// What a handler threw, as its caller is to see it.
struct ErrorReply {
  Code code = Code::kUnknown;
  std::string message;
  Bytes payload;
  bool expected = false;  // an IpcError, which a handler throws on purpose
};

ErrorReply describe_exception(const std::exception_ptr& exception);

}  // namespace ipcbridge
