#pragma once

#include <string>
#include <utility>
#include <variant>

#include <ipcbridge/code.hpp>

namespace ipcbridge {

// Why an operation failed. The message is a sentence for a person and ends without a full stop.
struct Error {
  Code code = Code::kUnknown;
  std::string message;
};

// What an error says when there is no memory for a sentence. So short that a string keeps it in itself.
inline constexpr const char* kOutOfMemory = "out of memory";

// A value or an Error. The core throws no exceptions of its own; they are made at the binding edge.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(state_); }
  T& value() & { return std::get<T>(state_); }
  const T& value() const& { return std::get<T>(state_); }
  T&& value() && { return std::get<T>(std::move(state_)); }
  const Error& error() const { return std::get<Error>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !failed_; }
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool failed_ = false;
};

using Status = Result<void>;

}  // namespace ipcbridge
